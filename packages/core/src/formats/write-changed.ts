/**
 * Writes a qcow2 of which most is there: the clusters of an earlier one are taken as they are, and those that the last phases have
 * changed are compressed anew. A boot loader and some scripts change little of an image.
 */
import { createInterface } from "node:readline";
import { rm } from "node:fs/promises";
import { dirname } from "node:path";
import { reasonOf } from "../errors.js";
import { outOfSpace } from "../out-of-space.js";
import { StorageDaemon } from "../process/storage-daemon.js";
import type { ChangedDisk, FormatRequest } from "./format.js";
import { assembleQcow2, type ClusterRun } from "./assemble-qcow2.js";
import { runForFormat } from "./run-for-format.js";

/** One core compresses what has changed, all cores a whole image. */
const mostChanged = 0.25;

/**
 * False, with a note where that is worth one, when the image is better written as a whole; then nothing is left. `options` are
 * those that `converted` was written with.
 */
export async function writeChanged(
  { converted, changes }: ChangedDisk & { readonly converted: string },
  options: readonly string[],
  request: FormatRequest,
): Promise<boolean> {
  const { staged, format, signal, note } = request;
  const compressed = `${staged}.changes`;
  try {
    const { clusterBytes, sizeBytes } = await readInfo(converted, request);
    const { changed, share } = await readMap(changes, clusterBytes, request);
    if (share > mostChanged) return false;
    const written = options.length === 0 ? [] : ["-o", options.join(",")];
    const create = ["qemu-img", "create", "-q", "-f", "qcow2", ...written, compressed, String(sizeBytes)] as const;
    await runForFormat(request, create);
    await compressChanges(changes, compressed, signal);
    await assembleQcow2({ base: converted, changes: compressed, changed }, staged, signal);
    return true;
  } catch (error) {
    signal.throwIfAborted();
    await rm(staged, { force: true });
    const failure = outOfSpace(error, { path: dirname(staged), doing: `writing the ${format} output` });
    if (failure !== error) throw failure;
    note(`The disk is compressed as a whole: ${reasonOf(error)}`);
    return false;
  } finally {
    await rm(compressed, { force: true });
  }
}

async function readInfo(
  file: string,
  { exec, signal }: FormatRequest,
): Promise<{ readonly clusterBytes: number; readonly sizeBytes: number }> {
  const { exitCode, stdout, stderr } = await exec("qemu-img", ["info", "-f", "qcow2", "--output=json", file], {
    signal,
  });
  if (exitCode !== 0) throw new Error(stderr.trim());
  const { "cluster-size": clusterBytes, "virtual-size": sizeBytes } = JSON.parse(stdout) as Record<string, number>;
  return { clusterBytes: clusterBytes ?? 0, sizeBytes: sizeBytes ?? 0 };
}

/** A line of `qemu-img map`: bytes; depth 0 is what the image itself holds, not one below it. */
interface Extent {
  readonly start: number;
  readonly length: number;
  readonly depth: number;
  readonly data: boolean;
}

interface Changes {
  /** Sorted. */
  readonly changed: readonly ClusterRun[];
  /** Of the data of the disk: how much has changed, 0 to 1. */
  readonly share: number;
}

/** What a qcow2 holds itself, in clusters of that size. */
export async function readMap(
  file: string,
  clusterBytes: number,
  { exec, signal }: Pick<FormatRequest, "exec" | "signal">,
): Promise<Changes> {
  const changed: [number, number][] = [];
  const bytes = { all: 0, changed: 0 };
  const look = ({ start, length, depth, data }: Extent) => {
    if (data) bytes.all += length;
    if (depth !== 0) return;
    if (data) bytes.changed += length;
    const [first, end] = [Math.floor(start / clusterBytes), Math.ceil((start + length) / clusterBytes)];
    const last = changed.at(-1);
    if (last !== undefined && first <= last[1]) last[1] = end;
    else changed.push([first, end]);
  };
  const { exitCode } = await exec("qemu-img", ["map", "-f", "qcow2", "--output=json", file], {
    signal,
    async onOutput(stream, source) {
      for await (const line of createInterface(source)) {
        const extent = stream === "stdout" ? /\{.*\}/.exec(line) : null;
        if (extent !== null) look(JSON.parse(extent[0]) as Extent);
      }
    },
  });
  if (exitCode !== 0) throw new Error(`qemu-img map ended with ${exitCode}`);
  return { changed, share: bytes.all === 0 ? 0 : bytes.changed / bytes.all };
}

/** Whole clusters of the target, with what lies below where only a part has changed. One worker: the same changes give the same bytes. */
async function compressChanges(changes: string, target: string, signal: AbortSignal): Promise<void> {
  const node = (name: string, filename: string) =>
    JSON.stringify({ driver: "qcow2", "node-name": name, file: { driver: "file", filename } });
  const images = ["--blockdev", node("changes", changes), "--blockdev", node("target", target)];
  await using daemon = await StorageDaemon.start(images, signal);
  const job = { device: "changes", target: "target", sync: "top", compress: true };
  await daemon.runJob("blockdev-backup", { ...job, "x-perf": { "max-workers": 1 } });
}
