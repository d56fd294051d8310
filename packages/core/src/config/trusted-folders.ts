/**
 * Where configs, elements and a project's own dib are looked for: a folder and those above it. What is found there runs
 * as whoever started dib; root goes no further than the first folder where somebody else could have put it.
 */
import { stat } from "node:fs/promises";
import { dirname } from "node:path";

/** `from` (absolute) and the folders above, nearest first. Root trusts itself, the user behind sudo, and the owner of `from`. */
export async function trustedFolders(from: string, callerUid = 0): Promise<readonly string[]> {
  const folders = foldersUpwards(from);
  if (process.getuid?.() !== 0) return folders;
  const infos = await Promise.all(folders.map((folder) => stat(folder).catch(() => undefined)));
  const trusted = new Set([0, callerUid, infos[0]?.uid]);
  const isTrusted = (info: (typeof infos)[number]) =>
    info !== undefined && trusted.has(info.uid) && (info.mode & worldWritable) === 0;
  const end = infos.findIndex((info) => !isTrusted(info));
  return end === -1 ? folders : folders.slice(0, end);
}

const worldWritable = 0o002;

export function foldersUpwards(from: string): readonly string[] {
  const above = dirname(from);
  return above === from ? [from] : [from, ...foldersUpwards(above)];
}
