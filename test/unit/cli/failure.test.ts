import { describe, expect, test } from "vitest";
import { BuildError } from "@dibjs/core";
import { exitCodeOf, exitCodeOfSignal, findingsOf, formatFailure } from "@dibjs/cli/failure.js";
import { coloursIf } from "@dibjs/cli/terminal.js";

const plain = { colours: coloursIf(false), debug: false };
const failed = new BuildError("SCRIPT_FAILED", {
  script: "10-x",
  element: "e",
  phase: "install",
  exitCode: 3,
  tail: "last words\x1b[2J",
});
const several = new BuildError(
  "SEVERAL_FINDINGS",
  {
    findings: [
      { code: "CONFIG_KEY_UNKNOWN", message: "one", hint: "first" },
      { code: "FORMAT_UNKNOWN", message: "two" },
    ],
  },
  { kind: "request" },
);
/** As TypeScript's `await using` makes it when the build and then a release fail. */
const suppressed = (cause: Error, release: Error) =>
  Object.assign(new Error("An error was suppressed"), { error: release, suppressed: cause });
const release = new BuildError("RELEASE_FAILED", { left: ["mount /x"] });

describe("exit codes", () => {
  test.each([
    ["an element's script", failed, 1],
    ["a wrong request", new BuildError("ELEMENT_NONE", {}), 2],
    ["an unfit host", new BuildError("OUTPUT_BUSY", { path: "/x" }), 3],
    ["a failed download", new BuildError("FETCH_FAILED", { url: "u", reason: "r" }), 4],
    ["no space", new BuildError("SPACE_EXHAUSTED", { path: "/", doing: "copying" }), 5],
    ["an incomplete clean-up", release, 7],
    ["a failure with an incomplete clean-up", suppressed(failed, release), 7],
    ["an interrupt", new BuildError("BUILD_INTERRUPTED", { signal: "SIGTERM", stage: "root" }), 143],
    [
      "an interrupt with an incomplete clean-up",
      new BuildError("BUILD_INTERRUPTED", { signal: "SIGTERM", stage: "root" }, { kind: "cleanup" }),
      7,
    ],
    ["several findings: the kind of the first", several, 2],
    ["a bug of ours", new TypeError("x is undefined"), 70],
    ["something that is no error", "text", 70],
  ])("%s", (_, error, code) => {
    expect(exitCodeOf(error)).toBe(code);
  });

  test.each([
    ["SIGINT", 130],
    ["SIGHUP", 129],
    ["SIGTERM", 143],
    ["SIGPIPE", 141],
  ])("%s is 128 and its number", (signal, code) => {
    expect(exitCodeOfSignal(signal)).toBe(code);
  });
});

describe("a failure in words", () => {
  test("has code, message, hint, log and where to read more, and no stack", () => {
    expect(formatFailure(failed, { ...plain, logFile: "/logs/x.log" })).toBe(
      [
        "✖ SCRIPT_FAILED install.d/10-x of element e exited with 3.",
        "last words",
        "  hint: Run again with --shell-on-error to look around.",
        "  log:  /logs/x.log",
        "  more: dib explain SCRIPT_FAILED",
        "",
      ].join("\n"),
    );
  });

  test("lists every finding with its own hint", () => {
    expect(formatFailure(several, plain)).toBe(
      [
        "✖ CONFIG_KEY_UNKNOWN one",
        "  hint: first",
        "✖ FORMAT_UNKNOWN two",
        "  more: dib explain CONFIG_KEY_UNKNOWN",
        "        dib explain FORMAT_UNKNOWN",
        "",
      ].join("\n"),
    );
  });

  test("says what went wrong first, then what could not be released", () => {
    expect(findingsOf(suppressed(failed, release)).map(({ code }) => code)).toEqual([
      "SCRIPT_FAILED",
      "RELEASE_FAILED",
    ]);
  });

  test("of a bug of ours has the stack and where to report it", () => {
    const text = formatFailure(new TypeError("x is undefined"), plain);
    expect(text).toContain("✖ INTERNAL x is undefined");
    expect(text).toContain("failure.test.ts");
    expect(text).toContain("https://github.com/dibjs/dibjs/issues");
  });

  test("has its causes with --debug", () => {
    const caused = new BuildError("OUTPUT_BUSY", { path: "/x" }, { cause: new Error("the reason below") });
    expect(formatFailure(caused, plain)).not.toContain("the reason below");
    expect(formatFailure(caused, { ...plain, debug: true })).toContain("caused by: Error: the reason below");
  });
});
