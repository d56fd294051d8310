import { expect, test } from "vitest";
import { runProgram } from "@dibjs/cli/packages/run-manager.js";

test("a program that is not there, and one that ends with 127 itself, are two things", async () => {
  const run = { packages: ["x"], folder: "/" };
  await expect(runProgram({ ...run, program: "no-such-manager", args: [] })).rejects.toMatchObject({
    code: "MANAGER_UNSUPPORTED",
    kind: "host",
  });
  const args = ["-c", "echo its words >&2; exit 127"];
  await expect(runProgram({ ...run, program: "sh", args })).rejects.toMatchObject({
    code: "MANAGER_FAILED",
    context: { how: "exited with 127", tail: "its words" },
  });
});
