import ts from "typescript";
import { describe, expect, test } from "vitest";
import { elements, exists } from "./element-packages.js";
import { filesUnder, nodesOf, read } from "./source.js";

const HEADINGS = ["What it does", "Options", "Environment", "Phases", "Requires"];
const testFiles = exists("test/elements")
  ? filesUnder("test/elements").filter((file) => file.endsWith(".test.ts"))
  : [];

interface AssertedDifference {
  readonly element: string;
  readonly paths: number;
}

/** Every `testDifference("ELEMENT", title, run, { added: { "/path": … } })` of a file; see test/support/test-difference.ts. */
const differencesIn = (file: string): readonly AssertedDifference[] =>
  nodesOf(file).flatMap((node) => {
    if (!ts.isCallExpression(node) || node.expression.getText() !== "testDifference") return [];
    const [element, , , expected] = node.arguments;
    if (element === undefined || !ts.isStringLiteralLike(element)) return [];
    return [{ element: element.text, paths: expected === undefined ? 0 : pathsIn(expected) }];
  });

/** Keys of the objects in an object literal. */
function pathsIn(node: ts.Node): number {
  if (!ts.isObjectLiteralExpression(node)) return 0;
  const parts = node.properties.flatMap((each) => (ts.isPropertyAssignment(each) ? [each.initializer] : []));
  return parts.reduce((sum, part) => sum + (ts.isObjectLiteralExpression(part) ? part.properties.length : 0), 0);
}

const differences = testFiles.flatMap(differencesIn);

/** Second-level headings outside of code blocks. */
const headingsOf = (readme: string) =>
  [...readme.replace(/^```[\s\S]*?^```/gm, "").matchAll(/^## (.+)$/gm)].map(([, title]) => title);

describe("our elements", () => {
  test("are there", () => {
    expect(elements.length).toBeGreaterThan(0);
  });

  test.each(elements)("$name has a README.md with the five headings", ({ folder }) => {
    const readme = `${folder}/README.md`;
    expect(exists(readme) ? headingsOf(read(readme)) : `${readme} is missing`).toEqual(HEADINGS);
  });

  test.each(elements)("$name has a test of the difference that a real run of it makes to the tree", ({ name }) => {
    const paths = differences.filter(({ element }) => element === name).map((each) => each.paths);
    expect(Math.max(0, ...paths)).toBeGreaterThan(0);
  });

  test("no difference is asserted of an element that there is not", () => {
    const names = new Set(elements.map(({ name }) => name));
    expect(differences.filter(({ element }) => !names.has(element))).toEqual([]);
  });

  test("have names of their own", () => {
    const names = elements.map(({ name }) => name);
    expect(names.filter((name, index) => names.indexOf(name) !== index)).toEqual([]);
  });
});
