import { BuildError } from "@dibjs/core/errors.js";
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

test("a failed release makes the failure one of clean-up, and the root cause stays the error", () => {
  const cause = new BuildError("ROOT_NOT_DEPLOYED", { found: [] });
  const suppressed = Object.assign(new Error("suppressed"), { suppressed: cause, error: new Error("umount: busy") });
  expect(cross(suppressed)).toMatchObject({ code: "ROOT_NOT_DEPLOYED", kind: "cleanup" });
});
