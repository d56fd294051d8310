import { createHash } from "node:crypto";
import { open } from "node:fs/promises";

const chunkBytes = 2 ** 20;

/** Lower-case hex by algorithm, the file read once. */
export async function hashFile(path: string, algorithms: readonly string[]): Promise<Record<string, string>> {
  const hashes = algorithms.map((algorithm) => [algorithm, createHash(algorithm)] as const);
  const file = await open(path, "r");
  try {
    const buffer = Buffer.allocUnsafe(chunkBytes);
    for (;;) {
      const { bytesRead } = await file.read(buffer, 0, chunkBytes);
      if (bytesRead === 0) break;
      for (const [, hash] of hashes) hash.update(buffer.subarray(0, bytesRead));
    }
  } finally {
    await file.close();
  }
  return Object.fromEntries(hashes.map(([algorithm, hash]) => [algorithm, hash.digest("hex")]));
}
