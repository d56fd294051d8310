import { mkdir, mkdtemp, readdir, rename, rm, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { BuildError, isBuildError, reasonOf } from "../errors.js";

/**
 * A folder that appears whole or not at all: it is filled beside its place. One that is there and empty is kept, since
 * the caller may be in it. Throws PACKAGE_FOLDER_NOT_EMPTY and PACKAGE_FOLDER_UNWRITABLE.
 */
export async function makePackageFolder<T>(folder: string, fill: (staging: string) => Promise<T>): Promise<T> {
  const exists = await isThere(folder);
  const parent = dirname(folder);
  let made: string | undefined;
  let staging: string | undefined;
  try {
    made = await mkdir(parent, { recursive: true });
    staging = await mkdtemp(join(parent, `.${basename(folder)}.`));
    const filled = join(staging, basename(folder)); // a folder of its own: mkdtemp's is for its owner alone
    await mkdir(filled);
    const result = await fill(filled);
    if (exists) await moveInto(filled, folder);
    else await rename(filled, folder);
    await rm(staging, { recursive: true });
    return result;
  } catch (error) {
    if (staging !== undefined) await rm(staging, { recursive: true, force: true });
    if (made !== undefined) await rm(made, { recursive: true, force: true });
    if (isBuildError(error) || !isOfFileSystem(error)) throw error;
    throw new BuildError("PACKAGE_FOLDER_UNWRITABLE", { folder, reason: reasonOf(error) }, { cause: error });
  }
}

async function isThere(folder: string): Promise<boolean> {
  const found = await stat(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return undefined;
    throw new BuildError("PACKAGE_FOLDER_UNWRITABLE", { folder, reason: error.message }, { cause: error });
  });
  if (found === undefined) return false;
  const isEmpty = found.isDirectory() && (await readdir(folder)).length === 0;
  if (!isEmpty) throw new BuildError("PACKAGE_FOLDER_NOT_EMPTY", { folder });
  return true;
}

async function moveInto(staging: string, folder: string): Promise<void> {
  const moved: string[] = [];
  try {
    for (const name of await readdir(staging)) {
      await rename(join(staging, name), join(folder, name));
      moved.push(name);
    }
  } catch (error) {
    for (const name of moved) await rm(join(folder, name), { recursive: true, force: true });
    throw error;
  }
}

const isOfFileSystem = (error: unknown): boolean =>
  error instanceof Error && typeof (error as NodeJS.ErrnoException).syscall === "string";
