import { setTimeout as wait } from "node:timers/promises";
import type { Readable } from "node:stream";
import { createExec } from "@dibjs/core/process/exec.js";
import { expect, test } from "vitest";

const exec = createExec();

/** Runs a shell script; its output is counted by a reader that rests after each chunk. */
async function countSlowly(script: string, restMs: number) {
  let bytes = 0;
  const onOutput = async (_: string, source: Readable) => {
    for await (const chunk of source as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      await wait(restMs);
    }
  };
  const { exitCode } = await exec("sh", ["-c", script], { onOutput });
  return { exitCode, bytes };
}

test("a reader that is slower than the program gets all it wrote", async () => {
  expect(await countSlowly("head -c 150000 /dev/zero", 700)).toEqual({ exitCode: 0, bytes: 150_000 });
});

test("a daemon that writes without end to a slow reader is not waited for", async () => {
  const { exitCode, bytes } = await countSlowly("yes & echo begun", 20);
  expect(exitCode).toBe(0);
  expect(bytes).toBeGreaterThan(2 ** 16);
});

test.each([
  ["is silent", "sleep 5 & echo begun"],
  ["goes on writing", "(for i in $(seq 200); do echo more; sleep 0.02; done) & echo begun"],
])("a daemon that holds the pipe and %s is not waited for", async (_, script) => {
  const started = performance.now();
  const { stdout } = await exec("sh", ["-c", script]);
  expect(stdout).toContain("begun\n");
  expect(performance.now() - started).toBeLessThan(3500);
});
