import { chown, mkdir, rmdir, stat } from "node:fs/promises";
import { dirname } from "node:path";

/**
 * Makes what is missing of an absolute path, each folder the owner's. Returns the folders made, outermost first.
 * One at a time: Node's own `recursive` tries for ever where a folder that exists refuses one with ENOENT, as in proc.
 * Throws what mkdir(2) and chown(2) throw.
 */
export async function makeFolders(
  folder: string,
  owner: { readonly uid: number; readonly gid: number },
): Promise<readonly string[]> {
  if ((await stat(folder).catch(() => undefined))?.isDirectory() === true) return [];
  const made = dirname(folder) === folder ? [] : await makeFolders(dirname(folder), owner);
  const isOurs = await mkdir(folder).then(
    () => true,
    (error: NodeJS.ErrnoException) => {
      if (error.code === "EEXIST") return false;
      throw error;
    },
  );
  if (!isOurs) return made;
  if (process.getuid?.() === 0) await chown(folder, owner.uid, owner.gid);
  return [...made, folder];
}

/** Takes a folder away again unless something was put into it meanwhile. */
export async function removeIfEmpty(folder: string): Promise<void> {
  await rmdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (!["ENOTEMPTY", "EEXIST", "ENOENT"].includes(error.code ?? "")) throw error;
  });
}
