/**
 * Writes a qcow2 of which most is there: what was compressed before the last phases ran is taken as it is, and the clusters that
 * they have changed are compressed anew. A boot loader and some scripts change little of an image.
 */
import { dirname } from "node:path";
import { BuildError, reasonOf } from "../errors.js";
import { saysNoSpace } from "../out-of-space.js";
import { StorageDaemon } from "../process/storage-daemon.js";
import { isFull } from "../workspace/is-full.js";
import type { FormatRequest } from "./format.js";
import { assembleQcow2, type ClusterRun } from "./qcow2-file.js";
import { runForFormat } from "./run-for-format.js";

interface ImageInfo {
  readonly "cluster-size": number;
  readonly "virtual-size": number;
}

/** Bytes. Depth 0 is what the image itself holds, not one below it. */
interface Extent {
  readonly start: number;
  readonly length: number;
  readonly depth: number;
}

/** `options` are those that `before` was written with. Throws SPACE_EXHAUSTED, or FORMAT_FAILED. */
export async function writeChanged(
  { before, changes }: { readonly before: string; readonly changes: string },
  options: readonly string[],
  request: FormatRequest,
): Promise<void> {
  const { staged, format, signal } = request;
  const info = await read<ImageInfo>("info", before, request);
  const extents = await read<readonly Extent[]>("map", changes, request);
  const compressed = `${changes}.compressed`;
  const written = options.length === 0 ? [] : ["-o", options.join(",")];
  const size = String(info["virtual-size"]);
  await runForFormat(request, ["qemu-img", "create", "-q", "-f", "qcow2", ...written, compressed, size]);
  try {
    await compressChanges(changes, compressed);
    signal.throwIfAborted();
    const changed = clusterRuns(extents, info["cluster-size"]);
    await assembleQcow2({ base: before, changes: compressed, changed }, staged);
  } catch (error) {
    signal.throwIfAborted();
    const [reason, path] = [reasonOf(error), dirname(staged)];
    if (saysNoSpace(reason) || (await isFull(path)))
      throw new BuildError("SPACE_EXHAUSTED", { path, doing: `writing the ${format} output` });
    throw new BuildError("FORMAT_FAILED", { format, reason }, { cause: error });
  }
}

async function read<T>(what: "info" | "map", file: string, { exec, signal, format }: FormatRequest): Promise<T> {
  const { exitCode, stdout, stderr } = await exec("qemu-img", [what, "-f", "qcow2", "--output=json", file], { signal });
  signal.throwIfAborted();
  if (exitCode !== 0) throw new BuildError("FORMAT_FAILED", { format, reason: stderr.trim() });
  return JSON.parse(stdout) as T;
}

/** Of what the image of changes itself holds; extents are sorted. */
function clusterRuns(extents: readonly Extent[], clusterBytes: number): readonly ClusterRun[] {
  const runs: [number, number][] = [];
  for (const { start, length, depth } of extents) {
    if (depth !== 0) continue;
    const [first, end] = [Math.floor(start / clusterBytes), Math.ceil((start + length) / clusterBytes)];
    const last = runs.at(-1);
    if (last !== undefined && first <= last[1]) last[1] = end;
    else runs.push([first, end]);
  }
  return runs;
}

/** Whole clusters of the target, with what lies below where only a part has changed. One worker: the same changes give the same bytes. */
async function compressChanges(changes: string, target: string): Promise<void> {
  const node = (name: string, filename: string) =>
    JSON.stringify({ driver: "qcow2", "node-name": name, file: { driver: "file", filename } });
  await using daemon = await StorageDaemon.start([
    ...["--blockdev", node("changes", changes)],
    ...["--blockdev", node("target", target)],
  ]);
  const job = { device: "changes", target: "target", sync: "top", compress: true };
  await daemon.runJob("blockdev-backup", { ...job, "x-perf": { "max-workers": 1 } });
}
