/**
 * The oldest way to lay out a disk: a script of block-device.d attaches a loop device to an image in $TMP_IMAGE_DIR,
 * partitions it as it likes and prints IMAGE_BLOCK_DEVICE=DEVICE, which becomes the root's. What it prints is text, and
 * text of an element must not lead to the host's disks: only a loop device over a file of this build is taken.
 */
import { lstat, readdir, readFile } from "node:fs/promises";
import { basename, join } from "node:path";
import type { BuildContext } from "../context.js";
import { BuildError } from "../errors.js";
import type { PlannedDisk } from "../plan/plan.js";
import type { Exec } from "../process/exec.js";
import type { ScriptRef } from "../report/events.js";
import type { BlockDevice, NodeConfig } from "./node.js";
import { isBackedBy } from "./nodes/local-loop.js";
import { noRoot } from "./plan-disk.js";
import { devicesUnder } from "./own-devices.js";
import { chainBelow } from "./sizes.js";
import { textOf } from "./written-text.js";

/** A device that a script has printed. */
export interface DeviceAnswer {
  readonly device: string;
  readonly script: ScriptRef;
}

/** What of a disk was made by a script: nodes by name, the loop first. */
export type GivenNodes = ReadonlyMap<string, BlockDevice>;

/** Throws BLOCK_DEVICE_FOREIGN unless the device is a loop over a file in `imageDir`, or a partition of one. */
export async function readHandedOver(
  answer: DeviceAnswer,
  imageDir: string,
  planned: PlannedDisk,
  exec: Exec,
): Promise<GivenNodes> {
  const { device } = answer;
  const [, loop, part] = /^(\/dev\/loop\d+)(p\d+)?$/.exec(device) ?? [];
  const image = loop === undefined ? undefined : await imageBehind(loop, imageDir, exec);
  if (loop === undefined || image === undefined || !(await isReally(device, loop))) throw foreign(answer);
  const nodeName = unusedNames(planned);
  const whole = { device: loop, image, offsetBytes: 0, sizeBytes: await sectors(loop, "size") };
  if (part === undefined) return new Map([[nodeName("image0"), whole]]);
  const partition = { device, offsetBytes: await sectors(device, "start"), sizeBytes: await sectors(device, "size") };
  return new Map([
    [nodeName("image0"), whole],
    [nodeName("root"), partition],
  ]);
}

/** By the device's number: a node of that name may be an old one, or one that the script made for another device. */
async function isReally(device: string, loop: string): Promise<boolean> {
  const wanted = device === loop ? [loop] : [device, loop];
  return (await devicesUnder(device)).join() === wanted.map((path) => basename(path)).join();
}

/** The nodes of the layout that stay on the disk have names already. */
function unusedNames(planned: PlannedDisk): (wished: string) => string {
  const used = new Set(planned.nodes.map(({ type, name }) => (stays.has(type) ? name : "")));
  const unused = (wished: string): string => (used.has(wished) ? unused(`${wished}_`) : wished);
  return unused;
}

const stays = new Set(["mkfs", "mount", "fstab"]);

const describe = ({ device, script: { phase, script, element } }: DeviceAnswer) => ({
  ...{ device, element },
  script: `${phase}.d/${script}`,
});

const foreign = (answer: DeviceAnswer) => new BuildError("BLOCK_DEVICE_FOREIGN", describe(answer));

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

/**
 * The plan for such a disk: the root's file system as it was planned, on what the script made, and nothing beside it,
 * which is said. Throws BLOCK_DEVICE_LAYOUT_LOST where that would leave out what must not go in silence.
 */
export function planHandedOver(
  planned: PlannedDisk,
  given: GivenNodes,
  answer: DeviceAnswer,
  emit: BuildContext["emit"],
): PlannedDisk {
  const mount = planned.nodes.find(({ type, values }) => type === "mount" && values.mount_point === "/");
  const mkfs = planned.nodes.find(({ name }) => name === mount?.base);
  if (mount === undefined || mkfs === undefined) throw noRoot(planned.origin);
  const fstab = planned.nodes.filter(({ type, base }) => type === "fstab" && base === mount.name);
  const kept = [mkfs, mount, ...fstab];
  tellLost(planned, kept, answer, emit);
  const [[loop] = [""], [top] = [loop]] = given;
  const made: NodeConfig[] = [...given.keys()].map((name) =>
    name === loop ? { type: "local_loop", name, values: {} } : { type: "partitioning", name, base: loop, values: {} },
  );
  const nodes = [...made, { ...mkfs, base: top }, mount, ...fstab];
  return { ...planned, origin: "block-device.d", nodes, mountPoints: ["/"], bootLabel: "" };
}

function tellLost(
  { nodes, origin }: PlannedDisk,
  kept: readonly NodeConfig[],
  answer: DeviceAnswer,
  emit: BuildContext["emit"],
): void {
  const below = chainBelow("/", nodes);
  const spelled = ({ type, name, values }: NodeConfig) =>
    type === "mount" ? `mount ${textOf(values.mount_point)}` : `${type} ${name}`;
  const isGrave = ({ type, name }: NodeConfig) => type === "luks" || (type === "lvm" && below.has(name));
  const grave = nodes.filter(isGrave).map(spelled);
  if (grave.length > 0) throw new BuildError("BLOCK_DEVICE_LAYOUT_LOST", { ...describe(answer), origin, lost: grave });
  const isLost = (node: NodeConfig) =>
    !kept.includes(node) && !below.has(node.name) && !["local_loop", "fstab"].includes(node.type);
  const lost = nodes.filter(isLost).map(spelled);
  if (lost.length === 0) return;
  const { script, element, device } = describe(answer);
  const text = `${script} of element ${element} hands over ${device} as the disk: the layout (${origin}) is left out but for the root's file system, with ${lost.join(", ")}`;
  emit({ type: "note", level: "warning", text });
}
