import { expect, test } from "vitest";
import { addServices } from "@dibjs/element-base/service-map.js";

function servicesOf(text: string, distro = "debian", log?: (text: string) => void) {
  const services = new Map<string, string>();
  addServices(services, { element: "one", text }, distro, log);
  return Object.fromEntries(services);
}

test("a service has the name of the distribution, its family, the default, else its own", () => {
  const text = "a: { ubuntu: x, debian: y, default: z }\nb: { redhat: x, default: z }\nc:\n";
  expect(servicesOf(text)).toEqual({ a: "y", b: "z", c: "c" });
  expect(servicesOf(text, "fedora")).toEqual({ a: "z", b: "x", c: "c" });
});

test("of two equal keys the last counts, and that is said", () => {
  const said: string[] = [];
  expect(servicesOf("a: { default: x }\na: { default: y }\n", "debian", (text) => said.push(text))).toEqual({ a: "y" });
  expect(said.join()).toMatch(/one: svc-map: .*equal keys/);
});

test.each([
  ["a name instead of a map", "web: apache2\n"],
  ["a name that is a list", "web: { debian: [a] }\n"],
  ["a list instead of a map", "- web\n"],
  ["no YAML", "web: [\n"],
  ["an alias of nothing", "web: *there\n"],
])("refuses %s, naming element and file", (_, text) => {
  expect(() => servicesOf(text)).toThrow(
    expect.objectContaining({
      code: "ELEMENT_FILE_INVALID",
      context: expect.objectContaining({ element: "one", file: "svc-map" }) as unknown,
    }) as Error,
  );
});
