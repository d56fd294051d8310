import { statfs } from "node:fs/promises";

const littleBytes = 2 ** 20;

/** Whether the file system under a folder has next to nothing left: programs do not always say why a write failed. */
export async function isFull(folder: string): Promise<boolean> {
  const found = await statfs(folder).catch(() => undefined); // it is asked after a failure, which says more
  return found !== undefined && found.blocks > 0 && found.bavail * found.bsize < littleBytes; // some of FUSE count no blocks
}
