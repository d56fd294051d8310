/**
 * A project's packages as they are, beside them until a change has gone well: package.json, lock files and node_modules,
 * whose files are hard links (package managers replace files, they don't write into them). A snapshot that a killed dib
 * left is put back by the next one. There is one at a time, so two changes of one project never mix.
 */
import { copyFile, mkdir, readdir, readFile, rename, rm, stat, unlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { BuildError, packageLockNames, type Exec } from "@dibjs/core";
import type { Project } from "./project.js";

export interface Snapshot extends AsyncDisposable {
  /** The change is good: what was before is forgotten. Without this call the end of the block puts it back. */
  keepChange(): void;
}

export const snapshotName = ".dib-before";
const stateFile = "taken";
const files = ["package.json", ...packageLockNames];

/** Throws PROJECT_BUSY. `onRestored` is told of a change that was cut off and is undone now. */
export async function takeSnapshot(
  { folder, root }: Project,
  exec: Exec,
  onRestored: () => void = () => {},
): Promise<Snapshot> {
  const places = [...new Set([folder, root])];
  const taken: string[] = [];
  try {
    for (const place of places) {
      await claim(place, onRestored);
      taken.push(place);
      await save(place, exec);
    }
  } catch (error) {
    for (const place of taken) await forget(place);
    throw error;
  }
  let isGood = false;
  return {
    keepChange: () => void (isGood = true),
    async [Symbol.asyncDispose]() {
      for (const place of taken.reverse()) {
        if (!isGood) await restore(place);
        await forget(place);
      }
    },
  };
}

/** Making the folder is the lock. */
async function claim(place: string, onRestored: () => void): Promise<void> {
  const store = join(place, snapshotName);
  const isOurs = await mkdir(store).then(
    () => true,
    (error: NodeJS.ErrnoException) => {
      if (error.code === "EEXIST") return false;
      throw error;
    },
  );
  if (!isOurs) {
    const pid = Number(await readFile(join(store, "pid"), "utf8").catch(() => "0"));
    if (isAlive(pid)) throw new BuildError("PROJECT_BUSY", { folder: place, pid });
    await restore(place);
    await forget(place);
    onRestored();
    await mkdir(store);
  }
  await writeFile(join(store, "pid"), String(process.pid));
}

function isAlive(pid: number): boolean {
  if (!(pid > 0)) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

async function save(place: string, exec: Exec): Promise<void> {
  const store = join(place, snapshotName);
  for (const name of files) await copyIfThere(join(place, name), join(store, name));
  const modules = join(place, "node_modules");
  if (await isFolder(modules)) {
    const linked = await exec("cp", ["-al", "--", modules, store]);
    // Links can't be made to another file system, a volume for instance.
    if (linked.exitCode !== 0) {
      await rm(join(store, "node_modules"), { recursive: true, force: true });
      const { exitCode, stderr } = await exec("cp", ["-a", "--", modules, store]);
      if (exitCode !== 0) throw new Error(`${modules} could not be copied: ${stderr}`);
    } else await unlinkStates(join(store, "node_modules"), modules);
  }
  await writeFile(join(store, stateFile), "");
}

/** Package managers do write into the files where they keep their books: those are copies. */
async function unlinkStates(saved: string, modules: string): Promise<void> {
  for (const folder of ["", ".pnpm", ".bin"]) {
    const entries = await readdir(join(saved, folder), { withFileTypes: true }).catch(() => []);
    for (const entry of entries.filter((each) => each.isFile())) {
      await unlink(join(saved, folder, entry.name));
      await copyFile(join(modules, folder, entry.name), join(saved, folder, entry.name));
    }
  }
}

/** A snapshot that was not finished means that nothing was changed yet. */
async function restore(place: string): Promise<void> {
  const store = join(place, snapshotName);
  const isWhole = await stat(join(store, stateFile)).then(
    () => true,
    () => false,
  );
  if (!isWhole) return;
  for (const name of files) {
    if (!(await copyIfThere(join(store, name), join(place, name)))) await rm(join(place, name), { force: true });
  }
  await restoreModules(join(store, "node_modules"), join(place, "node_modules"));
}

async function restoreModules(saved: string, modules: string): Promise<void> {
  if (!(await isFolder(saved))) return rm(modules, { recursive: true, force: true });
  try {
    await rm(modules, { recursive: true, force: true });
    await rename(saved, modules);
  } catch {
    // It is a mount point: its content is replaced.
    await mkdir(modules, { recursive: true });
    for (const name of await readdir(modules)) await rm(join(modules, name), { recursive: true, force: true });
    for (const name of await readdir(saved)) await rename(join(saved, name), join(modules, name));
  }
}

const forget = (place: string): Promise<void> =>
  rm(join(place, snapshotName), { recursive: true, force: true, maxRetries: 3 });

const isFolder = (path: string): Promise<boolean> =>
  stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );

async function copyIfThere(from: string, to: string): Promise<boolean> {
  return copyFile(from, to).then(
    () => true,
    (error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT") return false;
      throw error;
    },
  );
}
