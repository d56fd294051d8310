import { mkdir, rmdir } from "node:fs/promises";
import type { BuildContext } from "../context.js";
import { mustRun } from "../process/exec.js";

/**
 * Removes a work folder. What is deleted is seen through a bind mount that does not take submounts along, so that a
 * mount that is still there can't be emptied; the folder itself then refuses to go, and the failure is reported.
 */
export async function removeFolder(folder: string, ctx: Pick<BuildContext, "exec">): Promise<void> {
  const view = `${folder}.view`;
  await mkdir(view, { recursive: true });
  try {
    await mustRun(ctx.exec, "mount", ["--bind", folder, view]);
    await mustRun(ctx.exec, "find", [view, "-xdev", "-mindepth", "1", "-delete"]);
  } finally {
    await ctx.exec("umount", [view]);
    await rmdir(view);
  }
  await rmdir(folder);
}
