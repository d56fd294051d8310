import { rmdir } from "node:fs/promises";
import type { BuildContext } from "../context.js";
import { mustRun } from "../process/exec.js";

/**
 * Removes a work folder. What is deleted is seen through a bind mount over the folder itself that does not take submounts
 * along, so that a mount that is still there can't be emptied; the folder then refuses to go, and the failure is reported.
 */
export async function removeFolder(folder: string, ctx: Pick<BuildContext, "exec">): Promise<void> {
  await mustRun(ctx.exec, "mount", ["--bind", folder, folder]);
  try {
    await mustRun(ctx.exec, "find", [folder, "-xdev", "-mindepth", "1", "-delete"]);
  } finally {
    await ctx.exec("umount", [folder]);
  }
  await rmdir(folder);
}
