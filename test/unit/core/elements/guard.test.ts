import { setTimeout as sleep } from "node:timers/promises";
import { PluginGuard } from "@dibjs/core/elements/guard.js";
import { describe, expect, test } from "vitest";

const plugin = { element: "a", package: "dib-element-a", entry: "/a/index.js" };
const run = async <T>(code: () => T | Promise<T>, limitMs = 5_000): Promise<T> => {
  using guard = new PluginGuard(limitMs);
  return guard.run(plugin, code);
};

test("code that does its work gives its result, at once or later", async () => {
  expect(await run(() => 1)).toBe(1);
  expect(await run(() => sleep(5).then(() => 2))).toBe(2);
});

test("what it throws is passed on", async () => {
  await expect(run(() => Promise.reject(new Error("own")))).rejects.toThrow("own");
});

test("code that waits for ever is given up, with its package", async () => {
  await expect(run(() => new Promise(() => {}), 30)).rejects.toMatchObject({
    code: "ELEMENT_ENTRY_HUNG",
    context: { ...plugin, seconds: 0.03 },
    message: "The plugin of element a (package dib-element-a, /a/index.js) was not loaded and set up after 0.03 s.",
  });
});

describe("ending the process", () => {
  test.each([
    ["process.exit(0)", () => process.exit(0)],
    ["process.exit(3)", () => process.exit(3)],
    ["process.abort()", () => process.abort()],
    [
      "process.exit(4)",
      () => {
        try {
          process.exit(4);
        } catch {
          return "swallowed";
        }
      },
    ],
    ["process.exit(5)", () => sleep(1).then(() => process.exit(5))],
  ])("%s is told and does not happen", async (call, code) => {
    const endings = () => [Object.getOwnPropertyDescriptor(process, "exit")?.value, process.exitCode] as unknown[];
    const before = endings();
    await expect(run(code)).rejects.toMatchObject({ code: "ELEMENT_ENTRY_EXITED", context: { ...plugin, call } });
    expect(endings()).toEqual(before);
  });

  test("an exit code that it sets is taken back", async () => {
    const { exitCode } = process;
    await run(() => void (process.exitCode = 9));
    expect(process.exitCode).toBe(exitCode);
  });
});

describe("changing what all code shares", () => {
  const array = Array.prototype as unknown as Record<string, unknown>;
  const object = Object.prototype as Record<string, unknown>;

  test.each([
    ["Array.prototype.last", () => void (array.last = () => 1)],
    ["Object.prototype.isAdmin", () => void (object.isAdmin = true)],
    ["Array.prototype.map", () => void (array.map = () => [])],
    ["Array.prototype.flat", () => void delete array.flat],
    ["JSON.parse", () => void (JSON.parse = () => ({}))],
    ["globalThis.Promise", () => void (globalThis.Promise = class extends Promise<unknown> {} as PromiseConstructor)],
    ["RegExp.prototype.flags", () => void Object.defineProperty(RegExp.prototype, "flags", { get: () => "g" })],
    ["the prototype of Map.prototype", () => void Object.setPrototypeOf(Map.prototype, {})],
    ["TypedArray.prototype.at", () => void delete (Object.getPrototypeOf(Uint8Array.prototype) as { at?: unknown }).at],
  ])("%s is told and undone", async (what, code) => {
    const { map, flat } = Array.prototype;
    const { parse } = JSON;
    await expect(run(code)).rejects.toMatchObject({
      code: "ELEMENT_ENTRY_PATCHED",
      context: { ...plugin, changed: [what] },
    });
    expect({ map: array.map, flat: array.flat, parse: JSON.parse, last: array.last, isAdmin: object.isAdmin }).toEqual({
      map,
      flat,
      parse,
      last: undefined,
      isAdmin: undefined,
    });
    expect(Object.getPrototypeOf(Map.prototype)).toBe(Object.prototype);
    expect(/a/gi.flags).toBe("gi");
    await run(() => 1); // the next plugin is not blamed
  });

  test("by code that then fails is undone too, and the failure is what is told", async () => {
    const code = () => {
      array.last = 1;
      throw new Error("own");
    };
    await expect(run(code)).rejects.toThrow("own");
    expect(array.last).toBeUndefined();
  });

  test("is not what setting the length of stack traces is", async () => {
    const { stackTraceLimit } = Error;
    expect(await run(() => (Error.stackTraceLimit = 50))).toBe(50);
    Error.stackTraceLimit = stackTraceLimit;
  });
});
