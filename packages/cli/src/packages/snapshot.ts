/**
 * A project's packages as they are, beside them until a change has gone well: package.json, lock files and node_modules,
 * whose files are hard links (package managers replace files, they don't write into them). The file `taken` says that a
 * snapshot is whole, and what there was; it comes last and goes first. So putting back and forgetting may be cut off at
 * any point, and the next dib does it again.
 */
import {
  access,
  copyFile,
  mkdir,
  readdir,
  readFile,
  rename,
  rm,
  rmdir,
  stat,
  unlink,
  writeFile,
} from "node:fs/promises";
import { join } from "node:path";
import { packageLockNames, type Exec } from "@dibjs/core";
import { lockFolder } from "./change-lock.js";
import { projectFailure, writeInProject } from "./project-failure.js";
import type { ProjectPlaces } from "./project.js";

export interface Snapshot extends AsyncDisposable {
  /** The change is good: what was before is forgotten. Without this call the end of the block puts it back. */
  keepChange(): void;
}

export const restoredNote = "note: an earlier change was cut off; the packages are as they were before it";

const takenFile = "taken";
const files = ["package.json", ...packageLockNames];

const storeOf = (place: string): string => join(place, ".dib-before");

const placesOf = ({ folder, root }: ProjectPlaces): readonly string[] => [...new Set([folder, root])];

/**
 * Keeps other changes away, and puts back what one that was cut off has left; `onRestored` is told of it.
 * Throws PROJECT_BUSY, PROJECT_UNWRITABLE and SPACE_EXHAUSTED.
 */
export async function holdProject(
  project: ProjectPlaces,
  exec: Exec,
  onRestored: () => void = () => {},
): Promise<AsyncDisposable> {
  const releases: (() => Promise<void>)[] = [];
  const release = async () => {
    for (const each of releases.reverse()) await each();
  };
  try {
    for (const place of placesOf(project)) {
      const lock = await writeInProject(place, () => lockFolder(storeOf(place), exec));
      releases.push(async () => {
        await rmdir(storeOf(place)).catch(() => {}); // what could not be put back is left to the next dib
        await lock.close();
      });
      if (await restore(place, exec)) onRestored();
      await forget(place);
    }
  } catch (error) {
    await release();
    throw error;
  }
  return { [Symbol.asyncDispose]: release };
}

/** Throws as `holdProject` does. */
export async function takeSnapshot(project: ProjectPlaces, exec: Exec, onRestored?: () => void): Promise<Snapshot> {
  const places = placesOf(project);
  const held = await holdProject(project, exec, onRestored);
  let isGood = false;
  const end = async () => {
    await using _held = held;
    for (const place of places) {
      if (!isGood) await restore(place, exec);
      await forget(place);
    }
  };
  try {
    for (const place of places) await save(place, exec);
  } catch (error) {
    await end();
    throw error;
  }
  return { keepChange: () => void (isGood = true), [Symbol.asyncDispose]: end };
}

/** The folders in which a change was cut off, or goes on. */
export async function findCutOff(project: ProjectPlaces): Promise<readonly string[]> {
  const found = await Promise.all(
    placesOf(project).map((place) =>
      access(join(storeOf(place), takenFile)).then(
        () => [place],
        () => [],
      ),
    ),
  );
  return found.flat();
}

/** Puts back what a change that was cut off has left. Throws as `holdProject` does. */
export async function restoreCutOff(project: ProjectPlaces, exec: Exec, onRestored: () => void): Promise<void> {
  if ((await findCutOff(project)).length === 0) return;
  await using _held = await holdProject(project, exec, onRestored);
}

const save = (place: string, exec: Exec): Promise<void> =>
  writeInProject(place, async () => {
    const store = storeOf(place);
    const taken: string[] = [];
    for (const name of files) if (await copyIfThere(join(place, name), join(store, name))) taken.push(name);
    if (await saveModules(place, exec)) taken.push("node_modules");
    const staged = join(store, `${takenFile}.new`);
    await writeFile(staged, JSON.stringify(taken), { flush: true });
    await rename(staged, join(store, takenFile));
  });

async function saveModules(place: string, exec: Exec): Promise<boolean> {
  const modules = join(place, "node_modules");
  const saved = join(storeOf(place), "node_modules");
  if (!(await isFolder(modules))) return false;
  const linked = await exec("cp", ["-al", "--", modules, saved]);
  if (linked.exitCode === 0) await unlinkStates(saved, modules);
  else {
    // Links can't be made to another file system, a volume for instance.
    await rm(saved, { recursive: true, force: true });
    await copy(modules, saved, place, exec);
  }
  return true;
}

async function copy(from: string, to: string, place: string, exec: Exec): Promise<void> {
  const { exitCode, stderr } = await exec("cp", ["-a", "--", from, to]);
  if (exitCode !== 0) throw projectFailure(new Error(stderr.trim()), place);
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

/** False for a snapshot that is not whole: nothing was changed yet, or all of it has been put back. */
const restore = (place: string, exec: Exec): Promise<boolean> =>
  writeInProject(place, async () => {
    const store = storeOf(place);
    const taken = await readTaken(store);
    if (taken === undefined) return false;
    for (const name of files) {
      if (taken.includes(name)) await copyFile(join(store, name), join(place, name));
      else await rm(join(place, name), { force: true });
    }
    if (taken.includes("node_modules")) await restoreModules(place, exec);
    else await rm(join(place, "node_modules"), { recursive: true, force: true });
    return true;
  });

async function readTaken(store: string): Promise<readonly string[] | undefined> {
  const text = await readFile(join(store, takenFile), "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return undefined;
    throw error;
  });
  return text === undefined ? undefined : (JSON.parse(text) as readonly string[]);
}

async function restoreModules(place: string, exec: Exec): Promise<void> {
  const saved = join(storeOf(place), "node_modules");
  const modules = join(place, "node_modules");
  if (!(await isFolder(saved))) return; // it has been moved back already
  try {
    await rm(modules, { recursive: true, force: true });
    await rename(saved, modules);
  } catch (error) {
    const { code = "" } = error as NodeJS.ErrnoException;
    if (!["EBUSY", "EXDEV"].includes(code)) throw error;
    // It is a mount point: its content is replaced.
    await mkdir(modules, { recursive: true });
    for (const name of await readdir(modules)) await rm(join(modules, name), { recursive: true, force: true });
    await copy(`${saved}/.`, modules, place, exec);
  }
}

const forget = (place: string): Promise<void> =>
  writeInProject(place, async () => {
    const store = storeOf(place);
    await rm(join(store, takenFile), { force: true });
    for (const name of await readdir(store))
      await rm(join(store, name), { recursive: true, force: true, maxRetries: 3 });
  });

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
