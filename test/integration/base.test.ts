import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { createExec, type Exec } from "@dibjs/core/process/exec.js";
import { enterBase } from "@dibjs/core/workspace/base.js";
import { targetFiles } from "@dibjs/core/workspace/target.js";
import { expect, test } from "vitest";
import { diskContext, scratchFolder } from "../support/toy-disk.js";

test("a mount that a script left and that can't be undone is told, and the kernel's file systems go all the same", async () => {
  const scratch = scratchFolder();
  const root = scratch.make("root");
  const stuck = join(root, "srv");
  mkdirSync(stuck);
  const real = createExec();
  const exec: Exec = (file, args, options) =>
    file === "umount" && args.includes(stuck) ? Promise.reject(new Error("stuck")) : real(file, args, options);
  const mounted = () =>
    readFileSync("/proc/self/mountinfo", "utf8")
      .split("\n")
      .map((line) => line.split(" ")[4] ?? "")
      .filter((path) => path.startsWith(root));
  try {
    await using base = await enterBase(targetFiles(root), { deviceNodes: [], mountPaths: [] }, diskContext(exec));
    execFileSync("mount", ["-t", "tmpfs", "tmpfs", stuck]);
    await expect(base.leave()).rejects.toMatchObject({
      code: "RELEASE_FAILED",
      context: { left: [`mounts below ${root} (stuck)`] },
    });
    expect(mounted()).toEqual([stuck]);
  } finally {
    for (const path of mounted().reverse()) execFileSync("umount", [path]);
    scratch.remove();
  }
});
