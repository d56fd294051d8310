/** Types, lint and format of all sources, counted like any other test. */
import { execFile } from "node:child_process";
import { join } from "node:path";
import { expect, test } from "vitest";
import { root } from "../house/source.js";

interface Ended {
  readonly exitCode: number | string | null | undefined;
  readonly said: string;
}

/** Without blocking, which vitest would take for a test that hangs. */
const run = (program: string, args: readonly string[]) =>
  new Promise<Ended>((resolve) => {
    const options = { cwd: root, maxBuffer: 2 ** 26 };
    execFile(join(root, "node_modules/.bin", program), args, options, (error, stdout, stderr) =>
      resolve({ exitCode: error === null ? 0 : error.code, said: stdout + stderr }),
    );
  });

test.concurrent.each([
  ["the types of the tests and of what they expect of types are right", "tsc", ["-p", "test"]],
  ["eslint finds no error", "eslint", ["--quiet", "."]],
  ["every file is formatted", "prettier", ["--check", "--log-level", "warn", "."]],
] as const)("%s", async (_, program, args) => {
  expect(await run(program, args)).toEqual({ exitCode: 0, said: "" });
});
