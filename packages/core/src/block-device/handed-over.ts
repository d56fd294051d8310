/**
 * The oldest way to lay out a disk: a script of block-device.d attaches a loop device to an image in $TMP_IMAGE_DIR,
 * partitions it as it likes and prints IMAGE_BLOCK_DEVICE=DEVICE, which becomes the root's. What it prints is text, and
 * text of an element must not lead to the host's disks: only a loop device over a file of this build is taken.
 */
import { lstat, readdir, readFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { BuildError } from "../errors.js";
import type { PlannedDisk } from "../plan/plan.js";
import type { Exec } from "../process/exec.js";
import type { ScriptRef } from "../report/events.js";
import type { DiskState, NodeConfig } from "./node.js";
import { isBackedBy } from "./nodes/local-loop.js";

/** A device that a script has printed. */
export interface DeviceAnswer {
  readonly device: string;
  readonly script: ScriptRef;
}

type BlockDevice = DiskState["blockdev"] extends Map<string, infer Entry> ? Entry : never;

/** What of a disk was made by a script: nodes by name, the loop first. */
export type GivenNodes = ReadonlyMap<string, BlockDevice>;

const loopNode = "image0";
const partitionNode = "root";

/** Throws BLOCK_DEVICE_FOREIGN unless the device is a loop over a file in `imageDir`, or a partition of one. */
export async function readHandedOver(
  { device, script }: DeviceAnswer,
  imageDir: string,
  exec: Exec,
): Promise<GivenNodes> {
  const [, loop, part] = /^(\/dev\/loop\d+)(p\d+)?$/.exec(device) ?? [];
  const image = loop === undefined ? undefined : await imageBehind(loop, imageDir, exec);
  if (loop === undefined || image === undefined)
    throw new BuildError("BLOCK_DEVICE_FOREIGN", {
      device,
      script: `${script.phase}.d/${script.script}`,
      element: script.element,
    });
  const whole = { device: loop, image, offsetBytes: 0, sizeBytes: await sectors(loop, "size") };
  if (part === undefined) return new Map([[loopNode, whole]]);
  const partition = { device, offsetBytes: await sectors(device, "start"), sizeBytes: await sectors(device, "size") };
  return new Map([
    [loopNode, whole],
    [partitionNode, partition],
  ]);
}

/** A link could name a file elsewhere: only what lies in the folder itself counts. */
async function imageBehind(loop: string, imageDir: string, exec: Exec): Promise<string | undefined> {
  for (const name of await readdir(imageDir)) {
    const file = join(imageDir, name);
    if ((await lstat(file)).isFile() && (await isBackedBy(loop, file, exec))) return file;
  }
  return undefined;
}

/** sysfs counts in sectors of 512 bytes, whatever the device's own are. */
const sectors = async (device: string, what: "size" | "start"): Promise<number> =>
  Number(await readFile(`/sys/class/block/${basename(device)}/${what}`, "utf8")) * 512;

/** The plan for such a disk: the root's file system as it was planned, on what the script made, and nothing beside it. */
export function planHandedOver(planned: PlannedDisk, given: GivenNodes): PlannedDisk {
  const mount = planned.nodes.find(({ type, values }) => type === "mount" && values.mount_point === "/");
  const mkfs = planned.nodes.find(({ name }) => name === mount?.base);
  if (mount === undefined || mkfs === undefined) throw new Error("the plan has no root file system");
  const fstab = planned.nodes.filter(({ type, base }) => type === "fstab" && base === mount.name);
  const [top] = [...given.keys()].slice(-1);
  const made: NodeConfig[] = [...given.keys()].map((name) =>
    name === loopNode
      ? { type: "local_loop", name, values: {} }
      : { type: "partitioning", name, base: loopNode, values: {} },
  );
  const nodes = [...made, { ...mkfs, base: top }, mount, ...fstab];
  return { ...planned, origin: "block-device.d", nodes, mountPoints: ["/"], bootLabel: "" };
}
