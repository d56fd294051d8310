/** Folders that a build puts beside its outputs. They are staged with these, and get their names when the build has succeeded. */
import { mkdir, rm, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { BuildContext } from "../context.js";
import type { BuildPlaces } from "../plan/plan.js";
import { mustRun } from "../process/exec.js";
import { makeFolders } from "./make-folders.js";

export interface SideFolder {
  readonly staged: string;
  /** Absolute. */
  readonly target: string;
  /** It is an output: an older one is kept aside, unless the plan overwrites it. */
  readonly isOutput?: boolean;
}

export class SideFolders {
  readonly #folders: SideFolder[] = [];
  readonly #staging: string;
  readonly #caller: BuildPlaces["caller"];

  constructor(staging: string, { caller }: Pick<BuildPlaces, "caller">) {
    this.#staging = staging;
    this.#caller = caller;
  }

  get count(): number {
    return this.#folders.length;
  }

  /** An empty folder to fill, which takes the place of `target` in the end. */
  async stage(target: string): Promise<string> {
    const canWait = await this.#canWait(target);
    const staged = canWait ? join(this.#staging, `folder-${this.#folders.length}`) : target;
    await rm(staged, { recursive: true, force: true });
    if (!canWait) await makeFolders(dirname(target), this.#caller);
    await mkdir(staged);
    this.#folders.push({ staged, target });
    return staged;
  }

  /** Folders that are outputs: staged already, in the folder of the others. What was there before is kept as files are. */
  addOutputs(outputs: readonly { readonly staged: string; readonly extension: string }[], output: string): void {
    this.#folders.push(
      ...outputs.map(({ staged, extension }) => ({ staged, target: `${output}.${extension}`, isOutput: true })),
    );
  }

  /** All of them, the caller's now. */
  async settle({ exec }: Pick<BuildContext, "exec">): Promise<readonly SideFolder[]> {
    const { uid, gid } = this.#caller;
    for (const { staged } of this.#folders)
      await mustRun(exec, "chown", ["--recursive", "--no-dereference", `${uid}:${gid}`, staged]);
    return this.#folders.filter(({ staged, target }) => staged !== target);
  }

  /** On another file system, or in a folder that only root may write to, it is written at once: it could not be renamed. */
  async #canWait(target: string): Promise<boolean> {
    const [nearest, own] = await Promise.all([nearestFolder(dirname(target)), stat(this.#staging)]);
    // The output's own folder may be covered by an overlay (side-files.ts), whose number says nothing.
    const isBeside = nearest.path === dirname(this.#staging) || nearest.dev === own.dev;
    return isBeside && (nearest.uid === this.#caller.uid || this.#caller.uid === 0);
  }
}

/** Of a path, what exists of it. */
async function nearestFolder(
  path: string,
): Promise<{ readonly path: string; readonly dev: number; readonly uid: number }> {
  try {
    const { dev, uid } = await stat(path);
    return { path, dev, uid };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    return nearestFolder(dirname(path));
  }
}
