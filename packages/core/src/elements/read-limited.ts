import { readFile, stat } from "node:fs/promises";

export const maxPackageBytes = 2 ** 20;
export const maxListBytes = 2 ** 20;
export const maxPackedManifestBytes = 16 * 2 ** 20;

/** A file that has more bytes than it may have; nothing of it was read. */
export class TooLarge {
  readonly reason: string;

  constructor(sizeBytes: number, maxBytes: number) {
    this.reason = `it has ${sizeBytes} bytes, ${maxBytes} at most are read.`;
  }
}

/** The text of a file that somebody else wrote. Undefined when there is none; a pipe or a device is none. */
export async function readLimited(file: string, maxBytes: number): Promise<string | TooLarge | undefined> {
  const found = await stat(file).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT" || error.code === "ENOTDIR") return undefined;
    throw error;
  });
  if (!found?.isFile()) return undefined;
  if (found.size > maxBytes) return new TooLarge(found.size, maxBytes);
  return readFile(file, "utf8");
}
