import { readFile } from "node:fs/promises";
import { basename, join } from "node:path";
import type { NodeRequest } from "../node.js";
import type { Partition } from "../partition-table.js";
import { runForNode } from "./run-for-node.js";

const deadlineMs = 2_000;
const kernelSectorBytes = 512; // also of a disk with larger ones

/**
 * Makes a partition known. Where udev runs and the kernel has a parser, a written table is read by itself in the same
 * moment, which takes away the partitions and adds them again: then what counts is that the right one is there.
 */
export async function tellKernel(
  device: string,
  path: string,
  partition: Partition,
  request: NodeRequest,
): Promise<void> {
  const command = ["partx", "-a", "--nr", String(partition.number), device] as const;
  const deadline = Date.now() + deadlineMs;
  while ((await request.exec(command[0], command.slice(1), { signal: request.signal })).exitCode !== 0) {
    request.signal.throwIfAborted();
    if (await isKnown(path, partition, request.sectorSizeBytes)) return;
    if (Date.now() > deadline) return void (await runForNode(request, "adding the partition", command));
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

async function isKnown(path: string, { startSector, sectors }: Partition, sectorBytes: number): Promise<boolean> {
  const folder = join("/sys/class/block", basename(path));
  const read = (name: string) => readFile(join(folder, name), "utf8").catch(() => ""); // gone, or not there yet
  const found = await Promise.all([read("start"), read("size")]);
  const wanted = [startSector, sectors].map((count) => (count * sectorBytes) / kernelSectorBytes);
  return found.every((text, index) => text.trim() !== "" && Number(text) === wanted[index]);
}
