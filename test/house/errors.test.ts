import { describe, expect, test } from "vitest";
import ts from "typescript";
import { catalogue } from "@dibjs/core/errors.js";
import { filesUnder, nodesOf, read, sources } from "./source.js";

const codes = Object.keys(catalogue);

/** Codes that a file hands to something: an argument, or a value on its way there. Comparing with a code raises nothing. */
function codesRaised(file: string): string[] {
  return nodesOf(file).flatMap((node) => {
    if (!ts.isStringLiteralLike(node) || !(node.text in catalogue)) return [];
    return isComparison(node.parent) || ts.isLiteralTypeNode(node.parent) ? [] : [node.text];
  });
}

function isComparison(node: ts.Node): boolean {
  if (ts.isCaseClause(node)) return true;
  return ts.isBinaryExpression(node) && /^[!=]==?$/.test(node.operatorToken.getText());
}

const raised = new Set(sources.flatMap(codesRaised)); // the catalogue's own keys are no strings
const tests = filesUnder("test").filter((file) => file.endsWith(".test.ts") && !file.startsWith("test/house/"));
const asserted = tests.map(read).join("\n");

describe("every error code", () => {
  test("is raised somewhere", () => {
    expect(codes.filter((code) => !raised.has(code))).toEqual([]);
  });

  test("is asserted by a test", () => {
    expect(codes.filter((code) => !new RegExp(`\\b${code}\\b`).test(asserted))).toEqual([]);
  });

  test("is NOUN_STATE in capitals", () => {
    expect(codes.filter((code) => !/^[A-Z]+(_[A-Z]+)+$/.test(code))).toEqual([]);
  });
});
