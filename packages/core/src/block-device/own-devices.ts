/**
 * Names and numbers of devices are used again for those of other builds: after a reboot, after a `losetup -d` by hand,
 * when something is given back twice. What a disk has borrowed is its own as long as it lies on one of its image files.
 */
import { readdir, realpath, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { deviceNumber } from "./device-number.js";
import type { LoanServices } from "./node.js";
import { isBackedBy } from "./nodes/local-loop.js";

/** Kernel names of a block device and of all that it lies on, whatever the name of its node; empty when it is gone. */
export async function devicesUnder(device: string): Promise<readonly string[]> {
  const node = await stat(device, { bigint: true }).catch(() => undefined);
  if (node?.isBlockDevice() !== true) return [];
  const { major, minor } = deviceNumber(node.rdev);
  const folder = await realpath(`/sys/dev/block/${major}:${minor}`).catch(() => undefined);
  return folder === undefined ? [] : await namesUnder(folder);
}

/** A partition lies on the disk whose folder its own is in, a mapped device on its slaves. */
async function namesUnder(folder: string): Promise<readonly string[]> {
  const entries = await readdir(folder).catch((): string[] => []); // gone meanwhile
  const slaves = entries.includes("slaves") ? await readdir(join(folder, "slaves")) : [];
  const below = await Promise.all(slaves.map((slave) => realpath(join(folder, "slaves", slave))));
  if (entries.includes("partition")) below.push(dirname(folder));
  return [basename(folder), ...(await Promise.all(below.map(namesUnder))).flat()];
}

export async function isOwn(device: string, { images, exec }: Pick<LoanServices, "images" | "exec">): Promise<boolean> {
  const loops = (await devicesUnder(device)).filter((name) => /^loop\d+$/.test(name));
  for (const loop of loops) for (const image of images) if (await isBackedBy(`/dev/${loop}`, image, exec)) return true;
  return false;
}

/** Says that something which has our name is not given back. */
export function leaveAlone(what: string, { emit }: Pick<LoanServices, "emit">): void {
  const text = `${what} is left alone: it does not lie on an image of this disk any more`;
  emit({ type: "note", level: "warning", text });
}
