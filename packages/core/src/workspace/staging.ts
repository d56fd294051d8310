import { chown, mkdir, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { BuildError, reasonOf } from "../errors.js";
import { outOfSpace } from "../out-of-space.js";
import type { BuildPlaces } from "../plan/plan.js";
import type { ResourceStack } from "./resource-stack.js";

/**
 * Where outputs grow: a folder beside their final place, so that publishing is a rename. It is named in the journal:
 * what a killed build leaves of it, the next start clears. Throws OUTPUT_UNWRITABLE and SPACE_EXHAUSTED.
 */
export async function openStaging(
  id: string,
  { output, caller }: Pick<BuildPlaces, "output" | "caller">,
  stack: ResourceStack,
): Promise<string> {
  const folder = stagingFolder(id, output);
  await mkdir(folder, { mode: 0o700, recursive: true }).catch((error: unknown) => {
    const failure = outOfSpace(error, { path: output, doing: "making a folder for outputs" });
    if (failure !== error) throw failure;
    throw new BuildError("OUTPUT_UNWRITABLE", { path: output, reason: reasonOf(error) }, { cause: error });
  });
  stack.defer(`the folder ${folder}`, () => rm(folder, { recursive: true, force: true }));
  await chown(folder, caller.uid, caller.gid);
  return folder;
}

export const stagingFolder = (id: string, output: string): string => join(dirname(output), `.dib-${id}`);
