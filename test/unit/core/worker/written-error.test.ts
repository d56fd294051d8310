import { BuildError } from "@dibjs/core/errors.js";
import { masker } from "@dibjs/core/mask.js";
import { readError, writeError } from "@dibjs/core/worker/written-error.js";
import { expect, test } from "vitest";

const cross = (error: unknown) =>
  readError(JSON.parse(JSON.stringify(writeError(error))) as ReturnType<typeof writeError>);

test("a build error keeps code, context, message, hint and cause", () => {
  const error = new BuildError("ROOT_NOT_DEPLOYED", { found: ["tmp"] }, { cause: new Error("inner") });
  expect(cross(error)).toMatchObject({
    code: "ROOT_NOT_DEPLOYED",
    context: { found: ["tmp"] },
    message: error.message,
    hint: error.hint,
    cause: { message: "inner" },
  });
});

test("a bug keeps its stack and is no build error", () => {
  const bug = new TypeError("x is undefined");
  const read = cross(bug);
  expect(read).not.toHaveProperty("code");
  expect(read.stack).toBe(bug.stack);
});

/** As `await using` throws it when `cause` and then a release fail. */
const withFailedRelease = (suppressed: Error) =>
  Object.assign(new Error("suppressed"), {
    suppressed,
    error: new BuildError("RELEASE_FAILED", { left: ["mount /x (busy)"] }),
  });

test("a failed release makes the failure one of clean-up, which says what is left; the root cause stays the error", () => {
  const cause = new BuildError("ROOT_NOT_DEPLOYED", { found: [] });
  expect(cross(withFailedRelease(cause))).toMatchObject({
    code: "ROOT_NOT_DEPLOYED",
    kind: "cleanup",
    message: `${cause.message}\nCould not release: mount /x (busy).`,
    hint: expect.stringMatching(/root\.d[^]*dib doctor --fix/) as string,
  });
});

test("a bug says what is left, too", () => {
  expect(cross(withFailedRelease(new TypeError("x is undefined"))).message).toBe(
    "x is undefined\nCould not release: mount /x (busy).",
  );
});

test("what programs said is masked on the way; names are not", () => {
  const context = { script: "10-set-hunter2!", element: "motd", phase: "install", exitCode: 1, signal: undefined };
  const written = writeError(
    new BuildError("SCRIPT_FAILED", { ...context, tail: "password is hunter2!" }, { cause: new Error("no hunter2!") }),
  );
  expect(readError(written, masker(["hunter2!"]))).toMatchObject({
    context: { script: "10-set-hunter2!", tail: "password is ***" },
    cause: { message: "no ***" },
  });
  expect(readError(writeError(new Error("hunter2! failed")), masker(["hunter2!"])).message).toBe("*** failed");
});
