import { stat } from "node:fs/promises";
import { join } from "node:path";
import type { BuildContext } from "../context.js";
import { BuildError } from "../errors.js";
import { saysNoSpace } from "../out-of-space.js";
import type { BuildPlan, PlannedDisk } from "../plan/plan.js";
import type { BuildReport } from "../report/report.js";
import type { Stopwatch } from "../report/stopwatch.js";
import type { DeviceNode } from "../workspace/kernel-file-systems.js";
import { copyAttributes } from "../workspace/copy-attributes.js";
import { isFull } from "../workspace/is-full.js";
import { ResourceStack } from "../workspace/resource-stack.js";
import { targetFiles } from "../workspace/target.js";
import { layChanges, type BaseImage } from "./changes.js";
import { createNodes } from "./create-nodes.js";
import { deviceNumber } from "./device-number.js";
import { fillingOf } from "./fill-ext.js";
import type { GivenNodes } from "./handed-over.js";
import type { DiskState, FileSystems } from "./node.js";
import { formatCrypttab } from "./nodes/crypttab.js";
import { formatFstab } from "./nodes/fstab.js";
import { chainBelow, computeImageSize, roundUpSize } from "./sizes.js";

export interface DiskRequest {
  readonly plan: BuildPlan;
  readonly planned: PlannedDisk;
  /** What of it a script has made. */
  readonly given?: GivenNodes | undefined;
  /** Absolute: the finished tree. */
  readonly tree: string;
  /** Absolute: where the disk's root is mounted. */
  readonly mountBase: string;
  readonly imageDir: string;
  readonly imageSizeBytes: number;
  /** Values of secret variables by name. @default none */
  readonly secrets?: Readonly<Record<string, string>>;
  readonly stopwatch: Stopwatch;
  readonly ctx: BuildContext;
}

/** A raw image whose file systems are mounted and hold the tree. */
export interface Disk extends AsyncDisposable {
  /** Absolute: the raw image that the root lies on. */
  readonly image: string;
  readonly state: DiskState;
  /** What a chroot needs in its /dev to install a boot loader. */
  readonly deviceNodes: readonly DeviceNode[];
  /** IMAGE_BLOCK_DEVICE, IMAGE_BLOCK_DEVICES and TMP_IMAGE_PATH, as DIB's scripts know them. */
  readonly environment: Readonly<Record<string, string>>;
  readonly report: NonNullable<BuildReport["disk"]>;
  /** Completes the content (sync, trim, fill), unmounts, and frees every device. Throws RELEASE_FAILED if one stays. */
  unmount(): Promise<void>;
  /** Hands the disk on: afterwards disposing this one does nothing. */
  move(): Disk;
}

/** Creates the nodes of the plan in order and copies the tree in. What was made is gone again when this throws. */
export async function createDisk(asked: DiskRequest): Promise<Disk> {
  const request = rounded(asked);
  const { planned, tree, mountBase, stopwatch } = request;
  const filling = asked.given === undefined ? await fillingOf(planned, tree) : undefined;
  const created = await stopwatch.time("mkfs", () => createNodes({ ...request, filling }));
  await using resources = created.resources;
  const { state, completions } = created;
  if (filling?.isDone === true) await copyAttributes(tree, mountBase, asked.ctx);
  else await stopwatch.time("copy", () => copyTree(tree, mountBase, request));
  const fstab = formatFstab(state);
  if (fstab !== undefined) await targetFiles(mountBase).write("/etc/fstab", fstab);
  const crypttab = formatCrypttab(state);
  if (crypttab !== undefined) await targetFiles(mountBase).write("/etc/crypttab", crypttab);
  return holdDisk(await partsOf(state, request), resources.move(), completions, request);
}

/** A disk of one image that an earlier call, maybe of another build, has created and filled. */
export interface FilledDisk {
  readonly base: BaseImage;
  /** As `layChanges` takes it. */
  readonly first?: string;
  readonly fileSystems: FileSystems;
}

/** Attaches and mounts a filled disk. Its image stays as it is: `changes` (absolute) is an image of QEMU's of what is written from here on, whole once the disk is unmounted; `Disk.image` is gone then. */
export async function openFilledDisk(
  { base, first, fileSystems }: FilledDisk,
  asked: DiskRequest,
): Promise<{ readonly disk: Disk; readonly changes: string }> {
  const request = rounded(asked);
  const { planned, imageDir, stopwatch, ctx } = request;
  const changes = join(imageDir, "changes.qcow2");
  const raw = join(imageDir, `${loopUnderRoot(planned)}.raw`);
  await using below = new ResourceStack();
  const laid = await layChanges({ base, first, changes, raw }, ctx);
  below.defer("what was changed of the disk", async () => laid[Symbol.asyncDispose]());
  const created = await stopwatch.time("attach", () => createNodes({ ...request, below, existing: fileSystems }));
  await using resources = created.resources;
  const parts = await partsOf(created.state, request);
  return { disk: holdDisk(parts, resources.move(), created.completions, request), changes };
}

const rounded = (asked: DiskRequest): DiskRequest => ({
  ...asked,
  imageSizeBytes: roundUpSize(asked.imageSizeBytes, asked.planned.sizeMultipleBytes),
});

async function partsOf(state: DiskState, { planned, imageSizeBytes }: DiskRequest): Promise<DiskParts> {
  const image = imageUnder(planned, state);
  return {
    image,
    state,
    deviceNodes: await deviceNodes(state),
    environment: { ...imageBlockDevices(planned, state), TMP_IMAGE_PATH: image },
    report: describeDisk(planned, state, imageSizeBytes),
  };
}

type DiskParts = Omit<Disk, "unmount" | "move" | typeof Symbol.asyncDispose>;

function holdDisk(
  parts: DiskParts,
  resources: ResourceStack,
  completions: readonly (() => Promise<void>)[],
  request: DiskRequest,
): Disk {
  return {
    ...parts,
    unmount: async () => {
      await using held = resources.move(); // freed also when completing fails
      await request.stopwatch.time("unmount", async () => {
        for (const work of [...completions].reverse()) await work();
      });
      await held[Symbol.asyncDispose]();
    },
    move: () => holdDisk(parts, resources.move(), completions, request),
    [Symbol.asyncDispose]: () => resources[Symbol.asyncDispose](),
  };
}

/** Hard links, holes, extended attributes, ACLs and capabilities are kept; names are bytes for cp, whatever they are. */
async function copyTree(tree: string, mountBase: string, request: DiskRequest): Promise<void> {
  const { ctx } = request;
  const { exitCode, stderr } = await ctx.exec(
    "cp",
    ["-a", "--reflink=auto", "--sparse=auto", "--", `${tree}/.`, mountBase],
    { signal: ctx.signal },
  );
  ctx.signal.throwIfAborted();
  if (exitCode === 0) return;
  if (saysNoSpace(stderr)) throw await noSpace("copying the tree into the image", request);
  throw new BuildError("BLOCK_DEVICE_NODE_FAILED", {
    node: "/",
    doing: "copying the tree into the image",
    reason: stderr.trim().slice(-2000),
  });
}

/** Either the image is too small, or the file system that it grows on is full. */
async function noSpace(
  doing: string,
  { planned, tree, imageDir, imageSizeBytes, ctx }: DiskRequest,
): Promise<BuildError> {
  if (await isFull(imageDir)) return new BuildError("SPACE_EXHAUSTED", { path: imageDir, doing });
  const neededBytes = await computeImageSize(
    { ...planned, sizeBytes: undefined, extraSizeBytes: undefined },
    tree,
    ctx,
  );
  return new BuildError("IMAGE_TOO_SMALL", { sizeBytes: imageSizeBytes, neededBytes });
}

/** The loop device that the root stands on; the first one when there is no root. */
export function loopUnderRoot({ nodes }: Pick<PlannedDisk, "nodes">): string {
  const loops = nodes.filter(({ type }) => type === "local_loop").map(({ name }) => name);
  const below = chainBelow("/", nodes);
  return loops.find((name) => below.has(name)) ?? loops[0] ?? "";
}

function imageUnder(planned: PlannedDisk, state: DiskState): string {
  const name = loopUnderRoot(planned);
  const image = state.blockdev.get(name)?.image;
  if (image === undefined)
    throw new BuildError("BLOCK_DEVICE_CONFIG_INVALID", {
      place: planned.origin,
      reason: "there is no local_loop node, thus no image",
    });
  return image;
}

/** What DIB exports after creating the disk: the root's loop device, and ` [node]=device ` for each block device. */
function imageBlockDevices(planned: PlannedDisk, { blockdev }: DiskState): Readonly<Record<string, string>> {
  return {
    IMAGE_BLOCK_DEVICE: blockdev.get(loopUnderRoot(planned))?.device ?? "",
    IMAGE_BLOCK_DEVICES: formatDevices(blockdev),
  };
}

/** What bash evaluates to an array: ` [name]=device ` for each. */
export const formatDevices = (blockdev: ReadonlyMap<string, { readonly device: string }>): string =>
  [...blockdev].map(([name, { device }]) => ` [${name}]=${device} `).join("");

/** Loop devices, partitions and mapped devices of this disk. */
async function deviceNodes({ blockdev }: DiskState): Promise<readonly DeviceNode[]> {
  return Promise.all(
    [...blockdev.values()].map(async ({ device }) => ({
      path: device,
      ...deviceNumber((await stat(device, { bigint: true })).rdev),
    })),
  );
}

function describeDisk(planned: PlannedDisk, state: DiskState, imageSizeBytes: number): Disk["report"] {
  const { origin, rootLabel, rootFsType, mountPoints } = planned;
  const mountOf = (name: string) => [...state.mount].find(([, { base }]) => base === name)?.[0];
  const blockdevs = [...state.blockdev];
  return {
    ...{ origin, rootLabel, rootFsType, mountPoints },
    sizeBytes: state.blockdev.get(loopUnderRoot(planned))?.sizeBytes ?? imageSizeBytes,
    partitions: blockdevs
      .filter(([, { image, vgs, luksUuid }]) => image === undefined && vgs === undefined && luksUuid === undefined)
      .map(([name, { sizeBytes, offsetBytes }]) => ({ name, sizeBytes, offsetBytes })),
    fileSystems: [...state.filesys].map(([name, { fstype, label, uuid }]) => ({
      name,
      type: fstype,
      label,
      uuid,
      mountPoint: mountOf(name),
    })),
  };
}
