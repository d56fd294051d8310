/** What a tree holds, as data, and what differs between two of them. Dates do not count. */
import { createHash } from "node:crypto";
import { constants, type Stats } from "node:fs";
import { lstat, open, readdir, readFile, readlink } from "node:fs/promises";
import { join } from "node:path";

export type EntryKind = "file" | "folder" | "link" | "device" | "fifo" | "socket";

export interface TreeEntry {
  readonly kind: EntryKind;
  /** Permissions with the special bits, for example `0o4755`. */
  readonly mode: number;
  /** UID:GID */
  readonly owner: string;
  /** sha256 of a file, hex. */
  readonly digest?: string;
  /** Text of a file that was added or changed, when it is UTF-8 and no longer than 64 KiB; target of a link; `c 1:3` of a device. */
  readonly content?: string;
}

/** By path, `/` being the root of the tree. */
export type Tree = Readonly<Record<string, TreeEntry>>;

export interface TreeDiff {
  readonly added: Tree;
  readonly deleted: Tree;
  readonly changed: Readonly<Record<string, { readonly before: TreeEntry; readonly after: TreeEntry }>>;
}

/** What is mounted below the root is left out; the folder it is mounted on is not. */
export async function snapshotTree(root: string): Promise<Tree> {
  const { dev } = await lstat(root);
  const entries: Record<string, TreeEntry> = {};
  const walk = async (folder: string): Promise<void> => {
    for (const name of (await readdir(join(root, folder))).sort()) {
      const path = `${folder}/${name}`;
      const stat = await lstat(join(root, path));
      entries[path] = await readEntry(join(root, path), stat);
      if (stat.isDirectory() && stat.dev === dev) await walk(path);
    }
  };
  await walk("");
  return entries;
}

async function readEntry(path: string, stat: Stats): Promise<TreeEntry> {
  const entry = { kind: kindOf(stat), mode: stat.mode & 0o7777, owner: `${stat.uid}:${stat.gid}` };
  if (entry.kind === "link") return { ...entry, content: await readlink(path) };
  if (entry.kind === "file") return { ...entry, digest: await digestOf(path) };
  if (entry.kind === "device") return { ...entry, content: numbersOf(stat) };
  return entry;
}

function kindOf(stat: Stats): EntryKind {
  if (stat.isFile()) return "file";
  if (stat.isDirectory()) return "folder";
  if (stat.isSymbolicLink()) return "link";
  if (stat.isFIFO()) return "fifo";
  return stat.isSocket() ? "socket" : "device";
}

/** As Linux packs them into one number. */
function numbersOf(stat: Stats): string {
  const major = ((stat.rdev >>> 8) & 0xfff) | Math.floor(stat.rdev / 2 ** 32);
  const minor = (stat.rdev & 0xff) | ((stat.rdev >>> 12) & 0xfff00);
  return `${stat.isCharacterDevice() ? "c" : "b"} ${major}:${minor}`;
}

const digestOf = async (path: string): Promise<string> => {
  const hash = createHash("sha256");
  await using file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW);
  for await (const chunk of file.createReadStream({ autoClose: false })) hash.update(chunk as Buffer);
  return hash.digest("hex");
};

export function diffTrees(before: Tree, after: Tree): TreeDiff {
  const onlyIn = (tree: Tree, other: Tree) =>
    Object.fromEntries(Object.entries(tree).filter(([path]) => !Object.hasOwn(other, path)));
  const changed = Object.entries(after).flatMap(([path, entry]) => {
    const old = before[path];
    return old === undefined || isSame(old, entry) ? [] : [[path, { before: old, after: entry }] as const];
  });
  return { added: onlyIn(after, before), deleted: onlyIn(before, after), changed: Object.fromEntries(changed) };
}

const isSame = (a: TreeEntry, b: TreeEntry): boolean =>
  a.kind === b.kind && a.mode === b.mode && a.owner === b.owner && a.digest === b.digest && a.content === b.content;

/** Adds the text of files that were added or changed, from the tree they are in. */
export async function withTexts(diff: TreeDiff, root: string): Promise<TreeDiff> {
  const added: Record<string, TreeEntry> = {};
  for (const [path, entry] of Object.entries(diff.added)) added[path] = await withText(entry, join(root, path));
  const changed: Record<string, { before: TreeEntry; after: TreeEntry }> = {};
  for (const [path, { before, after }] of Object.entries(diff.changed))
    changed[path] = { before, after: await withText(after, join(root, path)) };
  return { ...diff, added, changed };
}

const maxTextBytes = 64 * 2 ** 10;
const utf8 = new TextDecoder("utf-8", { fatal: true });

async function withText(entry: TreeEntry, path: string): Promise<TreeEntry> {
  if (entry.kind !== "file" || (await lstat(path)).size > maxTextBytes) return entry;
  try {
    return { ...entry, content: utf8.decode(await readFile(path)) };
  } catch (error) {
    if (error instanceof TypeError) return entry; // no text
    throw error;
  }
}
