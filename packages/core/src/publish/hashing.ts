import { createHash } from "node:crypto";
import { open } from "node:fs/promises";
import { syncPath } from "../workspace/sync-path.js";

const chunkBytes = 2 ** 20;

/** Lower-case hex by algorithm, the file read once. */
async function hashFile(
  path: string,
  algorithms: readonly string[],
  signal: AbortSignal,
): Promise<Record<string, string>> {
  const hashes = algorithms.map((algorithm) => [algorithm, createHash(algorithm)] as const);
  const file = await open(path, "r");
  try {
    const buffer = Buffer.allocUnsafe(chunkBytes);
    for (;;) {
      signal.throwIfAborted();
      const { bytesRead } = await file.read(buffer, 0, chunkBytes);
      if (bytesRead === 0) break;
      for (const [, hash] of hashes) hash.update(buffer.subarray(0, bytesRead));
    }
  } finally {
    await file.close();
  }
  return Object.fromEntries(hashes.map(([algorithm, hash]) => [algorithm, hash.digest("hex")]));
}

/**
 * Hashes files one after another, and forces them to the disk meanwhile, while other work goes on: the worker converts
 * the next format and takes the disk apart. Disposing of it ends what is under way.
 */
export class Hashing implements Disposable {
  readonly #algorithms: readonly string[];
  readonly #stop = new AbortController();
  readonly #signal: AbortSignal;
  readonly #started = new Map<string, Promise<Record<string, string>>>();
  #last: Promise<unknown> = Promise.resolve();

  constructor(algorithms: readonly string[], interrupt: AbortSignal = AbortSignal.any([])) {
    this.#algorithms = algorithms;
    this.#signal = AbortSignal.any([this.#stop.signal, interrupt]);
  }

  /** The file must be whole. */
  start(path: string): Promise<Record<string, string>> {
    const hashed = this.#last.then(() => hashFile(path, this.#algorithms, this.#signal));
    const done = Promise.all([hashed, syncPath(path)]).then(([digests]) => digests);
    this.#last = done.catch(() => undefined); // publishing asks again, and is told
    this.#started.set(path, done);
    return done;
  }

  /** Lower-case hex by algorithm; rejects with what reading or syncing failed with. */
  digestsOf(path: string): Promise<Record<string, string>> {
    return this.#started.get(path) ?? this.start(path);
  }

  [Symbol.dispose](): void {
    this.#stop.abort();
  }
}
