import { chown, mkdir, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { BuildError, reasonOf } from "../errors.js";
import { outOfSpace } from "../out-of-space.js";
import type { BuildPlaces } from "../plan/plan.js";

/** Where outputs grow: a folder beside their final place, so that publishing is a rename. */
export interface Staging extends AsyncDisposable {
  readonly folder: string;
  /** The outputs are whole: the front takes the folder over. */
  keep(): void;
}

/** The folder is named in the journal: what a killed build leaves of it, the next start clears. */
export async function openStaging(id: string, places: BuildPlaces): Promise<Staging> {
  const folder = stagingFolder(id, places.output);
  await mkdir(folder, { mode: 0o700, recursive: true }).catch((error: unknown) => {
    const failure = outOfSpace(error, { path: places.output, doing: "making a folder for outputs" });
    if (failure !== error) throw failure;
    throw new BuildError("OUTPUT_UNWRITABLE", { path: places.output, reason: reasonOf(error) }, { cause: error });
  });
  await chown(folder, places.caller.uid, places.caller.gid);
  let isKept = false;
  return {
    folder,
    keep: () => void (isKept = true),
    async [Symbol.asyncDispose]() {
      if (!isKept) await rm(folder, { recursive: true, force: true });
    },
  };
}

export const stagingFolder = (id: string, output: string): string => join(dirname(output), `.dib-${id}`);
