/**
 * Where configs, elements and a project's own dib are looked for: a folder and those above it. What is found there runs
 * as whoever started dib; root goes no further than the first folder where somebody else could have put it.
 */
import { statSync } from "node:fs";
import { dirname } from "node:path";

/** `from` (absolute) and the folders above, nearest first, as far as they are trusted. */
export function trustedFolders(from: string, callerUid = 0): readonly string[] {
  const isTrusted = folderTrust(from, callerUid);
  const folders = foldersUpwards(from);
  const end = folders.findIndex((folder) => !isTrusted(folder));
  return end === -1 ? folders : folders.slice(0, end);
}

/** Root trusts folders of itself, of the user behind sudo, and of the owner of `from`; anybody else trusts all. */
export function folderTrust(from: string, callerUid = 0): (folder: string) => boolean {
  if (process.getuid?.() !== 0) return () => true;
  const infoOf = (folder: string) => statSync(folder, { throwIfNoEntry: false });
  const trusted = new Set([0, callerUid, infoOf(from)?.uid]);
  return (folder) => {
    const info = infoOf(folder);
    return info !== undefined && trusted.has(info.uid) && (info.mode & worldWritable) === 0;
  };
}

const worldWritable = 0o002;

export function foldersUpwards(from: string): readonly string[] {
  const above = dirname(from);
  return above === from ? [from] : [from, ...foldersUpwards(above)];
}
