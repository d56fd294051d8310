import { describe, expect, test } from "vitest";
import { addPackageInstalls, type PackageInstalls } from "@dibjs/element-base/package-installs.js";

const env = { ARCH: "amd64", DIB_FEATURE: "yes please", DIB_DEFAULT_INSTALLTYPE: "source" };

function squash(files: Readonly<Record<string, string>>, more: Readonly<Record<string, string>> = {}): PackageInstalls {
  const installs: PackageInstalls = {};
  for (const [element, text] of Object.entries(files))
    addPackageInstalls(installs, { element, file: "package-installs.yaml", text }, { ...env, ...more });
  return installs;
}
const namesIn = (installs: PackageInstalls, phase = "install.d") => ({
  install: installs[phase]?.install.map(([name]) => name) ?? [],
  uninstall: installs[phase]?.uninstall.map(([name]) => name) ?? [],
});

describe("rules that leave a package out", () => {
  test.each<[string, string, boolean]>([
    ["no rule", "", true],
    ["arch of this build, with blanks", "arch: s390x, amd64", true],
    ["another arch", "arch: arm64", false],
    ["not-arch of this build", "not-arch: arm64, amd64", false],
    ["installtype that is the default", "installtype: source", true],
    ["another installtype", "installtype: package", false],
    ["another Python version", 'dib_python_version: "2"', false],
    ["a condition that holds, blanks in its value", "when: DIB_FEATURE = yes please", true],
    ["a condition without blanks around the operator", "when: ARCH=amd64", true],
    ["a condition that does not hold", "when: DIB_FEATURE != yes please", false],
    ["two conditions of which one does not hold", "when: [ARCH = amd64, DIB_FEATURE = no]", false],
    ["an unset variable behind a rule that decides already", "arch: arm64\n  when: DIB_NEVER_SET = 1", false],
  ])("%s", (_, rules, isWanted) => {
    expect(namesIn(squash({ one: `x:\n  ${rules}\n` })).install).toEqual(isWanted ? ["x"] : []);
  });

  test("an element's own install type goes before the default", () => {
    const installs = squash(
      { "my-element": "x:\n  installtype: package\n" },
      { DIB_INSTALLTYPE_my_element: "package" },
    );
    expect(namesIn(installs).install).toEqual(["x"]);
  });

  test("a list of items is a list of alternatives", () => {
    expect(namesIn(squash({ one: "x:\n  - arch: arm64\n  - arch: amd64\n" })).install).toEqual(["x"]);
  });
});

describe("what is removed again", () => {
  test("build-only is installed and removed", () => {
    expect(namesIn(squash({ one: "x:\n  build-only: true\n" }))).toEqual({ install: ["x"], uninstall: ["x"] });
  });

  test("stays when another element needs it, whichever comes first", () => {
    const [plain, tool] = ["x:\n", "x:\n  build-only: true\n"];
    expect(namesIn(squash({ one: plain, two: tool })).uninstall).toEqual([]);
    expect(namesIn(squash({ one: tool, two: plain })).uninstall).toEqual([]);
  });

  test("an install that is filtered out does not keep it", () => {
    expect(namesIn(squash({ one: "x:\n  uninstall: true\n", two: "x:\n  arch: arm64\n" })).uninstall).toEqual(["x"]);
  });

  test("the word false means no", () => {
    expect(namesIn(squash({ one: "x:\n  uninstall: False\ny:\n  build-only: 'false'\n" }))).toEqual({
      install: ["x", "y"],
      uninstall: [],
    });
  });
});

test.each([
  ["YAML", "x:\n  arch: arm64\nx:\n  arch: amd64\n"],
  ["JSON", '{ "x": { "arch": "arm64" }, "x": {} }'],
])("of two equal keys in %s the last counts, as in DIB", (_, text) => {
  expect(namesIn(squash({ one: text })).install).toEqual(["x"]);
});

test.each([
  ["a phase that does not exist", "x:\n  phase: finalise.d\n"],
  ["an unknown rule", "x:\n  unless: A = b\n"],
  ["arch and not-arch together", "x:\n  arch: a\n  not-arch: b\n"],
  ["a condition on a variable that is not set", "x:\n  when: DIB_NEVER_SET = 1\n"],
  ["a condition with ==", "x:\n  when: ARCH == amd64\n"],
  ["a list instead of a map", "- x\n"],
  ["rules that are no map", "x: 7\n"],
  ["no YAML", "x: [\n"],
])("refuses %s, naming element and file", (_, text) => {
  expect(() => squash({ one: text })).toThrow(
    expect.objectContaining({
      code: "ELEMENT_FILE_INVALID",
      context: expect.objectContaining({ element: "one", file: "package-installs.yaml" }) as unknown,
    }) as Error,
  );
});
