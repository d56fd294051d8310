import ts from "typescript";
import { expect, test } from "vitest";
import { readDifferences } from "../../scripts/docs/differences.mjs";
import { vectors } from "../conformance/vectors/sources.js";
import { filesUnder, nodesOf } from "./source.js";

/** Every string that a test file has which is the name of a vector: in a call of `vector`, or in a table of rows. */
const named = new Set(
  filesUnder("test")
    .filter((file) => file.endsWith(".test.ts") && !file.startsWith("test/house/"))
    .flatMap((file) => nodesOf(file))
    .filter(ts.isStringLiteralLike)
    .map(({ text }) => text)
    .filter((text) => vectors.has(text)),
);

test("every vector has a test that names it", () => {
  expect([...vectors.keys()].filter((id) => !named.has(id))).toEqual([]);
});

test("the table of differences names vectors that there are", () => {
  const shown = readDifferences().differences.flatMap(({ vectors }) => vectors);
  expect(shown.filter((id) => !vectors.has(id))).toEqual([]);
});
