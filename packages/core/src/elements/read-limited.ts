import { readFileSync, statSync } from "node:fs";

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
export function readLimited(file: string, maxBytes: number): string | TooLarge | undefined {
  const found = statSync(file, { throwIfNoEntry: false });
  if (found?.isFile() !== true) return undefined;
  return found.size > maxBytes ? new TooLarge(found.size, maxBytes) : readFileSync(file, "utf8");
}
