import { describe, expect, test } from "vitest";
import ts from "typescript";
import { filesUnder, lineOf, nodesOf, read } from "./source.js";

const written = filesUnder(".").filter((file) => !/\.(qcow2|raw|img|gz|xz|zst|tar|tgz|gpg|deb|png)$/.test(file));

/** Lines of our files that match, as "file:line". */
function findLines(files: readonly string[], pattern: RegExp): string[] {
  return files.flatMap((file) =>
    read(file)
      .split("\n")
      .flatMap((line, index) => (pattern.test(line) ? [`${file}:${index + 1}`] : [])),
  );
}

// In pieces, so that this file does not contain what it forbids.
const PACKAGE_HOSTS = new RegExp(
  [
    ["npmjs", "org"],
    ["npmmirror", "com"],
    ["yarnpkg", "com"],
    ["deb.debian", "org"],
    ["ftp.debian", "org"],
    ["archive.ubuntu", "com"],
  ]
    .map((parts) => parts.join("\\."))
    .join("|"),
);
// Operating-system elements build from public mirrors unless told otherwise: there the host is the product's default.
const HAS_DEFAULT_MIRROR = /^(packages\/element-(debian|ubuntu)\/|test\/live\/)/;

describe("what we write", () => {
  test("names no package registry or mirror host but as an element's default", () => {
    expect(
      findLines(
        written.filter((file) => !HAS_DEFAULT_MIRROR.test(file)),
        PACKAGE_HOSTS,
      ),
    ).toEqual([]);
  });

  test("names no folder of the machine it was written on", () => {
    expect(findLines(written, new RegExp(["(^|[\\s\"'`(=])", "work", "(main|shared)\\b"].join("/")))).toEqual([]);
  });

  test("leaves no note to do later", () => {
    const code = written.filter((file) => /\.(ts|mjs|js|sh|bash|yaml|yml)$/.test(file));
    expect(
      findLines(
        code,
        new RegExp(`\\b(${["TO", "FIX"].map((start) => start + (start === "TO" ? "DO" : "ME")).join("|")})\\b`),
      ),
    ).toEqual([]);
  });
});

const tests = filesUnder("test").filter((file) => file.endsWith(".ts"));
const calls = tests.flatMap((file) =>
  nodesOf(file)
    .filter(ts.isCallExpression)
    .map((node) => ({ file, node })),
);
const at = ({ file, node }: { file: string; node: ts.Node }) => `${file}:${lineOf(node)}`;
const methodOf = ({ expression }: ts.CallExpression) =>
  ts.isPropertyAccessExpression(expression) ? expression.name.text : "";
const ownerOf = ({ expression }: ts.CallExpression) =>
  ts.isPropertyAccessExpression(expression) ? expression.expression.getText().split(".")[0]! : "";
const isRunner = (name: string) => ["test", "it", "describe", "suite"].includes(name);

describe("tests", () => {
  test("are not left out in the source: skip, only, todo, skipIf, runIf", () => {
    const left = nodesLeftOut();
    expect(left).toEqual([]);
  });

  test("that cannot run here say why", () => {
    const silent = calls.filter(
      ({ node }) => methodOf(node) === "skip" && !isRunner(ownerOf(node)) && !hasReason(node),
    );
    expect(silent.map(at)).toEqual([]);
  });

  test("assert a value, not that something is there or that something failed", () => {
    const vague = calls.filter(({ node }) => isVague(node));
    expect(vague.map(at)).toEqual([]);
  });

  test("do not match with what matches everything: a pattern or an empty object below toMatchObject", () => {
    const idle = calls
      .filter(({ node }) => methodOf(node) === "toMatchObject")
      .filter(({ node }) => matchesAnything(node));
    expect(idle.map(at)).toEqual([]);
  });
});

/** vitest compares what is below as objects: a pattern is one without keys, and `{}` as well. */
function matchesAnything(node: ts.Node): boolean {
  if (ts.isRegularExpressionLiteral(node)) return true;
  if (ts.isObjectLiteralExpression(node) && node.properties.length === 0) return true;
  const isAnotherCall = ts.isCallExpression(node) && methodOf(node) !== "toMatchObject";
  return !isAnotherCall && ts.forEachChild(node, (child) => matchesAnything(child) || undefined) === true;
}

/** `test.skip`, `describe.only.each`, `it.todo`: also when it is not the last in the chain. */
function nodesLeftOut(): string[] {
  const banned = new Set(["skip", "only", "todo", "skipIf", "runIf", "fails"]);
  return tests.flatMap((file) =>
    nodesOf(file)
      .filter(ts.isPropertyAccessExpression)
      .filter((node) => banned.has(node.name.text) && isRunner(node.expression.getText().split(".")[0]!))
      .map((node) => at({ file, node })),
  );
}

function hasReason(call: ts.CallExpression): boolean {
  const reason = call.arguments.at(-1);
  return (
    reason !== undefined &&
    !(ts.isStringLiteralLike(reason) && reason.text.trim() === "") &&
    reason.kind !== ts.SyntaxKind.TrueKeyword
  );
}

function isVague(call: ts.CallExpression): boolean {
  const method = methodOf(call);
  if (["toBeTruthy", "toBeFalsy"].includes(method)) return true;
  if (["toThrow", "toThrowError"].includes(method)) return call.arguments.length === 0;
  const [first] = call.arguments;
  return call.expression.getText() === "expect" && first?.kind === ts.SyntaxKind.TrueKeyword;
}
