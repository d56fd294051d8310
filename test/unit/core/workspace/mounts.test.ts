import type { Exec } from "@dibjs/core/process/exec.js";
import { bind } from "@dibjs/core/workspace/mounts.js";
import { ResourceStack } from "@dibjs/core/workspace/resource-stack.js";
import { expect, test } from "vitest";

test("a bind mount that can't be made read-only is MOUNT_FAILED, not a writable one, and is undone with the rest", async () => {
  const calls: string[] = []; // nothing of it happens; /proc is a place that is in the mount table
  const exec: Exec = async (file, args) => {
    calls.push([file, ...args].join(" "));
    const isRemount = args.some((arg) => arg.includes("remount"));
    return { exitCode: isRemount ? 32 : 0, signal: undefined, stdout: "", stderr: isRemount ? "not permitted\n" : "" };
  };
  const stack = new ResourceStack();
  await expect(bind("/hooks", "/proc", stack, { exec, emit: () => {} }, true)).rejects.toMatchObject({
    code: "MOUNT_FAILED",
    context: { what: "/hooks", target: "/proc", reason: "not permitted" },
  });
  await stack[Symbol.asyncDispose]();
  expect(calls.at(-1)).toBe("umount -- /proc");
});
