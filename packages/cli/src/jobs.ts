/** Several builds at a time, as many as the machine has processors and memory for. */
import { readFile } from "node:fs/promises";
import { availableParallelism, freemem } from "node:os";
import { BuildError, type BuildConfig } from "@dibjs/core";

/** How many of the images are built at a time: `--jobs`, else one for each processor, and as many as find memory for their trees. */
export async function countJobs(images: readonly BuildConfig[], given: string | undefined): Promise<number> {
  const needsTerminal = images.some(({ breaks, shellOnError }) => breaks.length > 0 || shellOnError);
  if (given !== undefined && needsTerminal && given !== "1")
    throw new BuildError("USAGE_INVALID", {
      reason: `--jobs ${given} and break points exclude each other.`,
      hint: "A shell at a break point needs the terminal for itself.",
    });
  if (given !== undefined) {
    if (!/^[1-9]\d*$/.test(given))
      throw new BuildError("USAGE_INVALID", {
        reason: `--jobs ${given} is no count of builds.`,
        hint: "It is 1 or more.",
      });
    return Number(given);
  }
  if (needsTerminal) return 1;
  const info = await readFile("/proc/meminfo", "utf8").catch(() => "");
  const freeGiB = Number(/^MemAvailable:\s+(\d+)/m.exec(info)?.[1] ?? freemem() / 1024) / 2 ** 20;
  const neededGiB = Math.max(...images.map(({ useTmpfs, minTmpfsGiB }) => (useTmpfs ? minTmpfsGiB * 2 : 1)));
  return Math.max(1, Math.min(images.length, availableParallelism(), Math.floor(freeGiB / neededGiB)));
}

/**
 * Runs for each item, `limit` at a time, and gives the results in the items' order. `spare` more may begin for those that call
 * `waits`, since what all of them need is made once. After a failure nothing more starts; what is running goes to its end, and then
 * the first failure is thrown.
 */
export async function runTogether<T, R>(
  items: readonly T[],
  limit: number,
  run: (item: T, waits: () => void) => Promise<R>,
  spare = 0,
): Promise<readonly R[]> {
  const results: R[] = [];
  const failures: unknown[] = [];
  let next = 0;
  const more: Promise<void>[] = [];
  let left = spare;
  const waits = () => {
    if (left-- > 0) more.push(work());
  };
  const work = async () => {
    for (let at = next++; at < items.length && failures.length === 0; at = next++) {
      try {
        results[at] = await run(items[at] as T, waits);
      } catch (error) {
        failures.push(error);
      }
    }
  };
  await Promise.all(Array.from({ length: limit }, work));
  for (const work of more) await work; // which may have called for more
  if (failures.length > 0) throw failures[0];
  return results;
}
