import { basename } from "node:path";
import ts from "typescript";
import { describe, expect, test } from "vitest";
import { elements, exists } from "./element-packages.js";
import { filesUnder, nodesOf, read } from "./source.js";

const HEADINGS = ["What it does", "Options", "Environment", "Phases", "Requires"];
const testFiles = exists("test/elements")
  ? filesUnder("test/elements").filter((file) => file.endsWith(".test.ts"))
  : [];

/** The names a test file of elements is about: its own name, and every string in it. */
const named = new Set(
  testFiles.flatMap((file) => [
    basename(file, ".test.ts"),
    ...nodesOf(file).flatMap((node) => (ts.isStringLiteralLike(node) ? [node.text] : [])),
  ]),
);

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

  test.each(elements)("$name is named by a test under test/elements", ({ name }) => {
    expect([...named]).toContain(name);
  });

  test("have names of their own", () => {
    const names = elements.map(({ name }) => name);
    expect(names.filter((name, index) => names.indexOf(name) !== index)).toEqual([]);
  });
});
