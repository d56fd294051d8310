import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmdirSync } from "node:fs";
import { openSandbox } from "@dibjs/core/phases/sandbox.js";
import { expect, test } from "vitest";

test("everybody who closes a sandbox waits until it is closed, and is told what stays", async () => {
  const proc = mkdtempSync("/var/tmp/dib-test-");
  const exec = () => Promise.reject(new Error("no umount"));
  const sandbox = await openSandbox(proc, { exec, emit() {} } as never);
  const [, pid] = /--target (\d+)/.exec(sandbox.enter("true", []).join(" ")) ?? [];
  try {
    const told = await Promise.allSettled([sandbox.close(), sandbox.close()]);
    const failure = { code: "RELEASE_FAILED", context: { left: [`mount ${proc} (no umount)`] } };
    expect(told).toMatchObject([{ reason: failure }, { reason: failure }]);
    expect(() => readFileSync(`/proc/${pid}/status`)).toThrow(/ENOENT/);
  } finally {
    execFileSync("umount", [proc]);
    rmdirSync(proc);
  }
});
