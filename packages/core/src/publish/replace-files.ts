/**
 * Puts staged files in their places, all of them or none as far as a file system allows: what is replaced is kept
 * until the last rename is done, and put back when one fails. Renames replace a link itself and never write through it.
 */
import { link, lstat, readdir, rename, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { BuildError, reasonOf } from "../errors.js";
import { syncPath } from "../workspace/sync-path.js";

export interface Replacement {
  /** Absolute, a file or a folder on the file system of `target`; undefined when the target is only taken away. */
  readonly staged: string | undefined;
  readonly target: string;
  /** Where what is there already is kept; undefined when it is given up. */
  readonly keepAs?: string | undefined;
}

/** In the given order: sums before what they are of. Throws PUBLISH_FAILED with everything as it was. */
export async function replaceFiles(replacements: readonly Replacement[], scratch: string): Promise<void> {
  const undo: (() => Promise<void>)[] = [];
  for (const [index, replacement] of replacements.entries()) {
    try {
      await replaceFile(replacement, join(scratch, `old-${index}`), undo);
    } catch (cause) {
      for (const step of undo.reverse()) await step().catch(() => undefined); // the first failure says more
      throw new BuildError("PUBLISH_FAILED", { path: replacement.target, reason: reasonOf(cause) }, { cause });
    }
  }
  for (const folder of new Set(replacements.map(({ target }) => dirname(target)))) await syncPath(folder);
}

async function replaceFile(
  { staged, target, keepAs }: Replacement,
  scratch: string,
  undo: (() => Promise<void>)[],
): Promise<void> {
  const old = await lstat(target).catch(() => undefined);
  if (staged !== undefined && (await lstat(staged)).isDirectory())
    return replaceFolder({ staged, target, isThere: old !== undefined }, keepAs ?? scratch, undo);
  if (old?.isDirectory()) throw new Error("a folder of that name is there");
  if (old === undefined) undo.push(() => rm(target, { force: true }));
  else {
    const kept = keepAs ?? scratch;
    await linkOrMove(target, kept);
    undo.push(async () => {
      await rename(kept, target); // does nothing while both are names of the same file
      await rm(kept, { force: true });
    });
  }
  await (staged === undefined ? rm(target, { force: true }) : rename(staged, target));
}

/** Whatever is there moves as a whole. */
async function replaceFolder(
  { staged, target, isThere }: { readonly staged: string; readonly target: string; readonly isThere: boolean },
  kept: string,
  undo: (() => Promise<void>)[],
): Promise<void> {
  if (isThere) {
    await rename(target, kept);
    undo.push(() => rename(kept, target));
  }
  await rename(staged, target);
  undo.push(() => rm(target, { recursive: true }));
}

/** A second name leaves no moment without the old file; some file systems have no hard links. */
async function linkOrMove(from: string, to: string): Promise<void> {
  try {
    await link(from, to);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") throw error;
    await rename(from, to);
  }
}

/** Forces a file, or a folder and all in it, to the disk. A link is in the folder that holds it. */
export async function syncTree(path: string): Promise<void> {
  const found = await lstat(path);
  if (found.isDirectory()) for (const name of await readdir(path)) await syncTree(join(path, name));
  if (found.isDirectory() || found.isFile()) await syncPath(path);
}

/** DIB: `<stem>-YYYY.MM.DD-HH.MM.SS.<ext>`, in local time. */
export function keptName(file: string, now: Date): string {
  const [, stem = file, extension = ""] = /^(.+)(\.[^.]*)$/.exec(basename(file)) ?? [];
  const two = (number: number) => String(number).padStart(2, "0");
  const day = [now.getFullYear(), two(now.getMonth() + 1), two(now.getDate())].join(".");
  const time = [now.getHours(), now.getMinutes(), now.getSeconds()].map(two).join(".");
  return join(dirname(file), `${stem}-${day}-${time}${extension}`);
}
