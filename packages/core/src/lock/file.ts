import { chown, open, readFile, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { BuildError, isBuildError, reasonOf } from "../errors.js";
import type { BuildPlaces } from "../plan/plan.js";
import type { Exec } from "../process/exec.js";
import { formatLock } from "./format.js";
import type { Lock, LockEntry } from "./lock.js";
import { parseLock } from "./parse.js";

/** Undefined when there is none. Throws LOCK_INVALID. */
export async function readLock(file: string): Promise<Lock | undefined> {
  const text = await readFile(file, "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return undefined;
    throw new BuildError("LOCK_INVALID", { place: { file }, reason: reasonOf(error) }, { cause: error });
  });
  return text === undefined ? undefined : parseLock(text, file);
}

export const entryOf = (lock: Lock | undefined, image: string): LockEntry | undefined =>
  lock !== undefined && Object.hasOwn(lock.images, image) ? lock.images[image] : undefined;

interface EntryPlace {
  readonly file: string;
  readonly image: string;
  readonly owner: Pick<BuildPlaces["caller"], "uid" | "gid">;
}

/** Puts one image's entry into the lock, whole or not at all; builds of other images may do so at the same time. Throws LOCK_UNWRITABLE. */
export async function writeEntry(entry: LockEntry, { file, image, owner }: EntryPlace, exec: Exec): Promise<void> {
  try {
    await using _held = await holdFolder(dirname(file), exec);
    const lock = (await readLock(file)) ?? { version: 1, images: {} };
    const images = Object.fromEntries([...Object.entries(lock.images), [image, entry]]);
    await replaceFile(file, formatLock({ ...lock, images }), owner);
  } catch (cause) {
    if (isBuildError(cause)) throw cause;
    throw new BuildError("LOCK_UNWRITABLE", { file, reason: reasonOf(cause) }, { cause });
  }
}

/** A kernel lock on the folder itself, so that nothing is left in it. */
async function holdFolder(folder: string, exec: Exec): Promise<AsyncDisposable> {
  const handle = await open(folder, "r");
  const { exitCode } = await exec("flock", ["-w", "60", "-x", "3"], { descriptors: [handle.fd] });
  if (exitCode === 0) return { [Symbol.asyncDispose]: () => handle.close() };
  await handle.close();
  throw new Error(`another build holds ${folder}`);
}

async function replaceFile(file: string, text: string, { uid, gid }: EntryPlace["owner"]): Promise<void> {
  const staged = join(dirname(file), `.dib.lock.${process.pid}`);
  await rm(staged, { force: true });
  try {
    {
      await using handle = await open(staged, "wx", 0o644);
      await handle.writeFile(text);
      await handle.sync();
    }
    await chown(staged, uid, gid);
    await rename(staged, file);
  } finally {
    await rm(staged, { force: true });
  }
}
