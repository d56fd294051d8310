import { statfs } from "node:fs/promises";

const littleBytes = 2 ** 20;

/** Whether the file system under a folder has next to nothing left: programs do not always say why a write failed. */
export async function isFull(folder: string): Promise<boolean> {
  const { blocks, bavail, bsize } = await statfs(folder);
  return blocks > 0 && bavail * bsize < littleBytes; // some of FUSE count no blocks
}
