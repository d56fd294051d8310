/**
 * What a build made outside its namespace, written down before it is made: /run/dib/ID/journal.json beside a lock that
 * the kernel drops with the last process of the build. A journal whose lock is free belongs to a dead build, and the
 * next start clears it.
 */
import { constants } from "node:fs";
import { mkdir, open, readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import type { BuildContext } from "../context.js";
import { BuildError, reasonOf } from "../errors.js";
import { tryLock } from "../process/file-lock.js";
import { releaseDeadLoops } from "./dead-loops.js";
import { removeFolder } from "./remove-folder.js";
import type { ResourceStack } from "./resource-stack.js";

const journalDir = "/run/dib";

interface Journal {
  readonly id: string;
  /** Absolute paths of folders that are the build's own. */
  readonly folders: readonly string[];
}

export async function openJournal(journal: Journal, stack: ResourceStack, ctx: BuildContext): Promise<void> {
  const folder = join(journalDir, journal.id);
  const unseen = join(journalDir, `.${journal.id}`); // until it is locked: a journal with a free lock is cleared by others
  await mkdir(unseen, { recursive: true, mode: 0o700 });
  const lock = await tryLock(join(unseen, "lock"), ctx);
  if (lock === undefined) throw new Error(`the journal ${unseen} is locked already`);
  // The lock goes last: a journal whose lock is free invites another build to clear what it names, such as finished outputs.
  stack.defer(`lock of ${folder}`, () => lock.close());
  await writeFile(join(unseen, "journal.json"), JSON.stringify(journal));
  await rename(unseen, folder);
  stack.defer(`journal ${folder}`, async () => {
    const left = await Promise.all(journal.folders.filter((path) => isScratch(path, journal.id)).map(isFolder));
    if (!left.includes(true)) await rm(folder, { recursive: true, force: true }); // else the next start clears what is left
  });
}

/** A work folder, in contrast to the folder of the outputs. */
const isScratch = (path: string, id: string): boolean => basename(path).endsWith(`.${id}`);

/**
 * Clears what dead builds left; live ones hold their lock. Returns the folders that were removed. What can't be removed
 * is told as a note and keeps its journal, for the next start: it is no reason not to build. Throws HOST_PRIVILEGE_MISSING.
 */
export async function sweepDeadBuilds(ctx: Pick<BuildContext, "exec" | "emit">): Promise<string[]> {
  const removed: string[] = [];
  const journals = (await readJournals()).filter((name) => !name.startsWith("."));
  for (const id of journals) {
    const folder = join(journalDir, id);
    const lock = await tryLock(join(folder, "lock"), ctx);
    if (lock === undefined) continue;
    try {
      for (const dead of await deadFolders(folder, id)) {
        await releaseDeadLoops(dead, ctx);
        await removeFolder(dead, ctx);
        removed.push(dead);
      }
      await rm(folder, { recursive: true, force: true });
    } catch (error) {
      const text = `What the dead build ${id} left can't be cleared: ${reasonOf(error)}`;
      ctx.emit({ type: "note", level: "warning", text });
    } finally {
      await lock.close();
    }
  }
  return removed;
}

const readJournals = (): Promise<string[]> =>
  readdir(journalDir).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return [];
    const reason = `What dead builds left can't be seen: ${error.message}`;
    throw new BuildError(
      "HOST_PRIVILEGE_MISSING",
      { reason, hint: "It is root's: run the command as root, or with sudo." },
      { cause: error },
    );
  });

/** Only real folders whose names carry the build's id: a journal can't send us elsewhere, nor can a link in its place. */
async function deadFolders(folder: string, id: string): Promise<string[]> {
  const text = await readFile(join(folder, "journal.json"), "utf8").catch(() => "");
  const named =
    parseJournal(text)?.folders.filter((path) => isScratch(path, id) || basename(path) === `.dib-${id}`) ?? [];
  const real = await Promise.all(named.map(async (path) => ((await isFolder(path)) ? path : undefined)));
  return real.filter((path) => path !== undefined);
}

const isFolder = async (path: string): Promise<boolean> => {
  const handle = await open(path, constants.O_DIRECTORY | constants.O_NOFOLLOW).catch(() => undefined);
  if (handle === undefined) return false;
  await handle.close();
  return (await stat(path)).uid === 0 || process.getuid?.() === 0;
};

function parseJournal(text: string): Journal | undefined {
  try {
    const journal = JSON.parse(text) as Journal;
    return Array.isArray(journal.folders) ? journal : undefined;
  } catch {
    return undefined; // cut short when the build died: nothing of it can be trusted
  }
}
