import { stat } from "node:fs/promises";
import type { BuildContext } from "../context.js";
import type { BuildPlaces } from "../plan/plan.js";
import { makeFolders } from "./make-folders.js";
import type { ResourceStack } from "./resource-stack.js";

/** Makes the folders of the cache and of locks if they are missing. What scripts, which are root, leave in a cache of the caller's becomes the caller's. */
export async function openCache(
  { cacheDir, lockDir, caller }: Pick<BuildPlaces, "cacheDir" | "lockDir" | "caller">,
  resources: ResourceStack,
  { exec, emit }: Pick<BuildContext, "exec" | "emit">,
): Promise<void> {
  for (const folder of [cacheDir, lockDir]) await makeFolders(folder, caller);
  if (caller.uid === 0 || (await stat(cacheDir)).uid !== caller.uid) return;
  const owner = `${caller.uid}:${caller.gid}`;
  resources.defer(`owner of ${cacheDir}`, async () => {
    const ofLayers = ["-path", "./layers", "-prune"]; // they hold the image's files, whose owners are theirs
    // From within each folder: a name that the caller swaps for a link meanwhile leads nowhere else.
    const chown = ["-execdir", "chown", "--no-dereference", owner, "{}", "+"];
    const options = { cwd: cacheDir };
    const { exitCode, stderr } = await exec("find", [".", ...ofLayers, "-o", "-user", "0", ...chown], options);
    if (exitCode !== 0)
      emit({ type: "note", level: "warning", text: `Files in ${cacheDir} stay root's: ${stderr.trim()}` });
  });
}
