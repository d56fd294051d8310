import { describe, expect, test } from "vitest";
import { failureOfManager } from "@dibjs/cli/packages/failure-of-manager.js";

const failed = (stderr: string, more: Partial<{ exitCode: number; signal: string }> = {}) =>
  failureOfManager({
    command: "npm install x",
    packages: ["x"],
    result: { exitCode: 1, signal: undefined, stdout: "", stderr, ...more },
  });

// As the programs of 2025 print them, shortened.
const said: readonly (readonly [code: string, who: string, text: string])[] = [
  [
    "PACKAGE_NOT_FOUND",
    "npm",
    "npm error code E404\nnpm error 404 Not Found - GET http://127.0.0.1:4873/x - no such package",
  ],
  ["PACKAGE_NOT_FOUND", "pnpm", " ERR_PNPM_FETCH_404  GET http://127.0.0.1:4873/x: Not Found - 404"],
  ["PACKAGE_NOT_FOUND", "yarn", 'error An unexpected error occurred: "http://127.0.0.1:4873/x: Not found".'],
  [
    "PACKAGE_VERSION_MISSING",
    "npm",
    "npm error code ETARGET\nnpm error notarget No matching version found for x@^9.0.0.",
  ],
  ["PACKAGE_VERSION_MISSING", "pnpm", " ERR_PNPM_NO_MATCHING_VERSION  No matching version found for x@^9.0.0"],
  ["PACKAGE_VERSION_MISSING", "yarn", 'error Couldn\'t find any versions for "x" that matches "^9.0.0"'],
  ["PACKAGE_INTEGRITY_WRONG", "npm", "npm error code EINTEGRITY\nnpm error sha512-AAAA integrity checksum failed"],
  [
    "PACKAGE_INTEGRITY_WRONG",
    "pnpm",
    ' ERR_PNPM_TARBALL_INTEGRITY  Got unexpected checksum for "http://127.0.0.1/x.tgz"',
  ],
  ["PACKAGE_INTEGRITY_WRONG", "yarn", 'error http://127.0.0.1/x.tgz: Integrity check failed for "x"'],
  ["REGISTRY_REFUSED", "npm", "npm error code E401\nnpm error Incorrect or missing password."],
  ["REGISTRY_REFUSED", "pnpm", " ERR_PNPM_FETCH_403  GET http://127.0.0.1/x: Forbidden - 403"],
  ["REGISTRY_UNREACHABLE", "npm", "npm error code ECONNREFUSED\nnpm error connect ECONNREFUSED 127.0.0.1:1"],
  ["REGISTRY_UNREACHABLE", "npm, slow", "npm error code ERR_SOCKET_TIMEOUT\nnpm error Response timeout"],
  ["REGISTRY_UNREACHABLE", "npm, broken", "npm error code E503\nnpm error 503 Service Unavailable"],
  ["REGISTRY_UNREACHABLE", "pnpm", " ERR_PNPM_META_FETCH_FAIL  GET http://127.0.0.1:1/x: connect ECONNREFUSED"],
  [
    "REGISTRY_ANSWER_INVALID",
    "npm",
    "npm error code FETCH_ERROR\nnpm error invalid json response body at http://127.0.0.1/x",
  ],
  ["REGISTRY_ANSWER_INVALID", "pnpm", "SyntaxError: Unexpected token '<', \"<!doctype \"... is not valid JSON"],
  [
    "CONFIG_UNREADABLE",
    "npm",
    'npm error code EJSONPARSE\nnpm error path /p/package.json\nnpm error JSON.parse Invalid package.json: JSONParseError: Expected double-quoted property name in JSON at position 15 while parsing "{}"',
  ],
  [
    "CONFIG_UNREADABLE",
    "pnpm",
    " ERROR  Expected double-quoted property name in JSON at position 15 while parsing '{ x' in /p/package.json",
  ],
  [
    "CONFIG_UNREADABLE",
    "yarn",
    "error SyntaxError: /p/package.json: Expected double-quoted property name in JSON at position 15",
  ],
  ["MANAGER_FAILED", "npm", "npm error code EUNSUPPORTEDPROTOCOL\nnpm error Unsupported URL Type"],
];

describe("what a package manager says has a code of its own", () => {
  test.each(said)("%s, as %s says it", (code, _, text) => {
    const context = code === "CONFIG_UNREADABLE" ? { place: { file: "/p/package.json" } } : { package: "x" };
    expect(failed(text)).toMatchObject({ code, context });
  });

  test("a warning on the way is not why it failed", () => {
    expect(failed("npm warn ECONNREFUSED once\nnpm error code EWHATEVER").code).toBe("MANAGER_FAILED");
  });

  test("a version that is asked for is named", () => {
    expect(failed(said[3]?.[2] ?? "").context).toEqual({ package: "x", range: "^9.0.0" });
  });

  test("anything else is told by its last lines, or the signal, without what would move a terminal's cursor", () => {
    expect(failed("\x1b[31mboom\x1b[0m").message).toBe("npm install x exited with 1 for x.\nboom");
    expect(failed("", { signal: "SIGKILL" }).message).toBe("npm install x was killed by SIGKILL for x.");
  });
});

describe("npm's report of a conflict", () => {
  const report = `npm error code ERESOLVE
npm error ERESOLVE could not resolve
npm error
npm error While resolving: undefined@undefined
npm error Found: base@1.0.0
npm error node_modules/base
npm error   peer base@"^1.0.0" from @acme/a@1.0.0
npm error   node_modules/@acme/a
npm error     peer @acme/a@">=1" from outer@3.0.0
npm error     node_modules/outer
npm error       outer@"^3.0.0" from the root project
npm error
npm error Could not resolve dependency:
npm error b@"*" from the root project
npm error
npm error Conflicting peer dependency: base@2.0.0
npm error node_modules/base
npm error   peer base@"^2.0.0" from b@1.0.0
npm error   node_modules/b
npm error     b@"*" from the root project
`;

  test("becomes the table of those who ask, each with its path, and the command that moves them", () => {
    expect(failed(report)).toMatchObject({
      code: "PACKAGE_CONFLICT",
      hint: "Try: dib add @acme/a@latest b@latest",
      context: {
        package: "base",
        version: "1.0.0",
        askers: [
          { range: "^1.0.0", by: ["this project", "outer@3.0.0", "@acme/a@1.0.0"] },
          { range: "^2.0.0", by: ["this project", "b@1.0.0"] },
        ],
      },
    });
  });

  test("of a form nobody knows still is a conflict", () => {
    expect(failed("npm error code ERESOLVE\nnpm error something new")).toMatchObject({ code: "PACKAGE_CONFLICT" });
  });
});
