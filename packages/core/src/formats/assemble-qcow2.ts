/** Puts qcow2 files together cluster by cluster, without reading what is in them. */
import { open } from "node:fs/promises";
import { openQcow2 } from "./qcow2-file.js";
import { Qcow2Writer, type Picked } from "./qcow2-writer.js";

/** Clusters of the disk `[first, end)`. */
export type ClusterRun = readonly [number, number];

/** All that is not in `from.changed` comes from `from.base`; the other file has the same size and options. Rejects with what is wrong with a file. */
export async function assembleQcow2(
  from: { readonly base: string; readonly changes: string; readonly changed: readonly ClusterRun[] },
  target: string,
  signal: AbortSignal,
): Promise<void> {
  await using base = await openQcow2(from.base);
  await using changes = await openQcow2(from.changes);
  if (base.shape !== changes.shape)
    throw new Error(`${from.changes} has another size, other clusters or another compression than ${from.base}`);
  await using file = await open(target, "w");
  const writer = new Qcow2Writer(file, base, signal);
  const isChanged = membership(from.changed);
  for (let table = 0; table < base.l1.length; table++) {
    const [old, newer] = [await base.readTable(table), await changes.readTable(table)];
    const picked = old.map((entry, index): Picked => {
      const takesNew = isChanged(table * base.entries + index);
      return takesNew ? { source: changes, entry: newer[index] ?? 0n } : { source: base, entry };
    });
    await writer.addTable(picked);
  }
  await writer.finish();
}

/** Writes anew an empty qcow2, which QEMU has made: it gets the clusters of a raw image that lie in the runs. */
export async function fillQcow2(
  target: string,
  from: { readonly raw: string; readonly clusters: readonly ClusterRun[] },
  signal: AbortSignal,
): Promise<void> {
  await using like = await openQcow2(target);
  await using raw = await open(from.raw, "r");
  await using file = await open(target, "w");
  const { size } = await raw.stat();
  const writer = new Qcow2Writer(file, like, signal);
  const isAsked = membership(from.clusters);
  for (let table = 0; table < like.l1.length; table++)
    await writer.addRaw(raw, size, (index) => {
      const cluster = table * like.entries + index;
      return isAsked(cluster) ? cluster : undefined;
    });
  await writer.finish();
}

/** Whether a cluster lies in one of the runs, which are sorted; to be asked for each once, in their order. */
function membership(runs: readonly ClusterRun[]): (cluster: number) => boolean {
  let at = 0;
  return (cluster) => {
    while ((runs[at]?.[1] ?? Infinity) <= cluster) at++;
    return (runs[at]?.[0] ?? Infinity) <= cluster;
  };
}
