import { readFile } from "node:fs/promises";
import type { BuildContext } from "../context.js";
import { BuildError } from "../errors.js";
import type { PlannedDisk } from "../plan/plan.js";
import { ResourceStack } from "../workspace/resource-stack.js";
import { reserveNames } from "./device-mapper.js";
import type { Filling } from "./fill-ext.js";
import type { GivenNodes } from "./handed-over.js";
import type { Borrow, DiskState, FileSystems, LoanData, NodeRequest } from "./node.js";
import { loopDevice } from "./nodes/local-loop.js";
import { partition } from "./nodes/partitioning.js";

export interface CreationRequest {
  readonly planned: Pick<PlannedDisk, "nodes" | "sectorSizeBytes" | "sizeMultipleBytes">;
  /** Absolute: where the disk's root is mounted. */
  readonly mountBase: string;
  readonly imageDir: string;
  readonly imageSizeBytes: number;
  /** @default none */
  readonly secrets?: NodeRequest["secrets"];
  /** @default false */
  readonly outlivesProcess?: boolean;
  /** Nodes of the plan that a script has made already. */
  readonly given?: GivenNodes | undefined;
  /** @default none */
  readonly filling?: Filling | undefined;
  /** Told of everything that is borrowed, in the statement after it came to be. */
  readonly onBorrow?: (loan: string, data: LoanData) => void;
  /** What lies below all of it, and is given back last. @default nothing */
  readonly below?: ResourceStack;
  /** @default nothing: all of it is made */
  readonly existing?: FileSystems | undefined;
  /** What is filled in, also when creating fails. @default a new one */
  readonly state?: DiskState;
  readonly ctx: BuildContext;
}

export const emptyState = (): DiskState => ({
  blockdev: new Map(),
  pvs: new Map(),
  vgs: new Map(),
  filesys: new Map(),
  mount: new Map(),
  mountOrder: [],
  fstab: new Map(),
  crypttab: new Map(),
});

export interface CreatedNodes {
  readonly state: DiskState;
  /** What was borrowed; where it outlives this process, only what does not: the locks of names. */
  readonly resources: ResourceStack;
  /** What completes the content; to be done newest first. */
  readonly completions: readonly (() => Promise<void>)[];
}

/** Creates the nodes in order. What was made is gone again when this throws. */
export async function createNodes(request: CreationRequest): Promise<CreatedNodes> {
  await using resources = request.below?.move() ?? new ResourceStack();
  await using outliving = new ResourceStack();
  const completions: (() => Promise<void>)[] = [];
  const { state = emptyState(), planned, imageDir, imageSizeBytes, mountBase, secrets = {}, ctx } = request;
  const { outlivesProcess = false } = request;
  const { exec, emit, signal } = ctx;
  const shared = {
    graph: planned.nodes,
    state,
    imageDir,
    imageSizeBytes,
    sectorSizeBytes: planned.sectorSizeBytes,
    sizeMultipleBytes: planned.sizeMultipleBytes,
    mountBase,
    secrets,
    outlivesProcess,
    filling: request.filling,
    existing: request.existing,
    isVfatMountable: await canMountVfat(ctx),
    borrow: borrowOn(outlivesProcess ? outliving : resources, completions, state, request),
    ...{ exec, emit, signal, resources },
  };
  await reserveNames(planned.nodes, shared);
  takeGiven(request.given ?? new Map(), shared);
  for (const node of planned.nodes) if (!state.blockdev.has(node.name)) await createNode({ ...shared, node }, ctx);
  outliving.move(); // noted by whoever asked for it
  return { state, resources: resources.move(), completions };
}

/** From here on they are the build's own, and given back like all that it borrows. */
function takeGiven(given: GivenNodes, { state, borrow }: Pick<NodeRequest, "state" | "borrow">): void {
  let loop = "";
  for (const [name, made] of given) {
    const { device, image } = made;
    if (image !== undefined) borrow(loopDevice, { device: (loop = device), image });
    else borrow(partition, { path: device, device: loop, number: Number(/\d+$/.exec(device)?.[0]) });
    state.blockdev.set(name, made);
  }
}

function borrowOn(
  resources: ResourceStack,
  completions: (() => Promise<void>)[],
  { blockdev }: DiskState,
  { ctx: { exec, emit, signal }, onBorrow }: CreationRequest,
): Borrow {
  const services = () => ({ exec, emit, signal, images: [...blockdev.values()].flatMap(({ image }) => image ?? []) });
  return (loan, data) => {
    resources.defer(loan.label(data), () => loan.release(data, services()));
    if (loan.complete !== undefined) completions.push(async () => loan.complete?.(data, services()));
    onBorrow?.(loan.name, data);
  };
}

async function createNode(request: NodeRequest, { hooks, emit, signal }: BuildContext): Promise<void> {
  const { node } = request;
  signal.throwIfAborted();
  const started = performance.now();
  const made = await hooks.blockDevice.for(node.type).run(request);
  if (made === undefined)
    throw new BuildError("BLOCK_DEVICE_NODE_FAILED", {
      node: node.name,
      doing: "creating it",
      reason: `nothing implements type ${node.type}`,
    });
  if (request.existing === undefined)
    emit({ type: "disk", doing: node.type, node: node.name, seconds: (performance.now() - started) / 1000 });
}

/** Kernels without the driver are common in build machines; an ESP is then filled with mtools. */
export async function canMountVfat({ exec }: Pick<BuildContext, "exec">): Promise<boolean> {
  const isKnown = async () => /\bvfat$/m.test(await readFile("/proc/filesystems", "utf8"));
  return (await isKnown()) || ((await exec("modprobe", ["-q", "vfat"])).exitCode === 0 && (await isKnown()));
}
