/**
 * The commands of `dib block-device`: a disk that is made by one process and taken apart by another, in DIB's way. The
 * nodes are those of a build; only their loans are written down instead of being held.
 */
import { existsSync } from "node:fs";
import { mkdir, realpath, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { BuildContext } from "../../context.js";
import { BuildError } from "../../errors.js";
import { createHooks, sealHooks } from "../../hooks.js";
import { ResourceStack } from "../../workspace/resource-stack.js";
import { targetFiles } from "../../workspace/target.js";
import { builtInLoans, tapBlockNodes } from "../built-in.js";
import { createNodes, emptyState } from "../create-nodes.js";
import type { NodeConfig } from "../node.js";
import { formatCrypttab } from "../nodes/crypttab.js";
import { formatFstab } from "../nodes/fstab.js";
import { loopDevice } from "../nodes/local-loop.js";
import { lvmSystem } from "../nodes/lvm.js";
import { parseSize, roundUpSize } from "../sizes.js";
import { holdState } from "./hold-state.js";
import { blockDeviceVariables, readGraph } from "./layout.js";
import { needParameter, type BlockDeviceParameters } from "./parameters.js";
import {
  findNodes,
  readNodes,
  readState,
  writeNodes,
  writeState,
  type WrittenLoan,
  type WrittenNodes,
} from "./state-files.js";

export interface BlockDeviceServices extends Pick<BuildContext, "exec" | "emit" | "signal"> {
  /** DIB_BLOCK_SIZE; wins over the layout's own block_size. */
  readonly sectorSizeBytes?: number | undefined;
  /** Where the variables that a layout names are looked up: passphrases. @default none */
  readonly environment?: Readonly<Record<string, string | undefined>>;
}

const loans = new Map(builtInLoans.map((loan) => [loan.name, loan]));

/** Makes everything and leaves it mounted. What was made is gone again when this throws. */
export async function createBlockDevice(
  parameters: BlockDeviceParameters,
  { sectorSizeBytes, environment = {}, ...services }: BlockDeviceServices,
): Promise<void> {
  const { stateDir } = parameters;
  const graph = readGraph(parameters);
  await using _ = await holdState(stateDir, services);
  const held = findNodes(stateDir);
  if (held !== undefined && held.loans.length > 0)
    throw new BuildError("BLOCK_DEVICE_HELD", { stateDir, held: held.loans.map(labelOf) });
  const variables = blockDeviceVariables(parameters).map((name) => [name, environment[name] ?? ""]);
  const request = {
    planned: { nodes: graph.nodes, sectorSizeBytes: sectorSizeBytes ?? graph.sectorSizeBytes },
    ...(await placesFor(graph.nodes, parameters)),
    state: emptyState(),
    secrets: Object.fromEntries(variables) as Readonly<Record<string, string>>,
    outlivesProcess: true,
    ctx: { ...services, hooks: hooksOfNodes() },
  };
  const written: WrittenLoan[] = [];
  const note = () => writeNodes(stateDir, { loans: written, images: imagesOn(written) });
  try {
    note();
    const created = await createNodes({
      ...request,
      onBorrow: (loan, data) => {
        written.push({ loan, data });
        note();
      },
    });
    await created.resources[Symbol.asyncDispose]();
  } catch (error) {
    await forgetFailed(stateDir, imagesOn(written), error);
    await writeState(stateDir, request.state).catch(() => undefined); // why it failed is what counts
    throw error;
  }
  await writeState(stateDir, request.state);
}

/** Image files that were made, and by this disk: what lay there before is none of them. */
const imagesOn = (written: readonly WrittenLoan[]): string[] =>
  written.flatMap(({ loan, data: { image } }) =>
    loan === loopDevice.name && typeof image === "string" ? [image] : [],
  );

/** All was given back when creating failed, unless a release failed too: then nodes.json stays, for `delete`. */
async function forgetFailed(stateDir: string, images: readonly string[], error: unknown): Promise<void> {
  if (error instanceof Error && "suppressed" in error) return;
  for (const image of images) await rm(image, { force: true });
  await rm(join(stateDir, "nodes.json"), { force: true });
}

async function placesFor(
  nodes: readonly NodeConfig[],
  parameters: BlockDeviceParameters,
): Promise<{ mountBase: string; imageDir: string; imageSizeBytes: number }> {
  const has = (type: string) => nodes.some((node) => node.type === type);
  const imageDir = has("local_loop") ? needParameter(parameters.imageDir, "image-dir is missing", parameters) : "/";
  const mountBase = has("mount")
    ? needParameter(parameters.mountBase, "Mount default config needs 'mount-base'", parameters)
    : "/";
  const needsSize = nodes.some(({ type, values }) => type === "local_loop" && values.size === undefined);
  const size = needsSize
    ? parseSize(needParameter(parameters.imageSize, "image-size is missing", parameters))
    : { bytes: 0 };
  if (size === undefined || !("bytes" in size))
    throw new BuildError("BLOCK_DEVICE_PARAMETERS_INVALID", {
      file: parameters.file,
      reason: `image-size ${JSON.stringify(parameters.imageSize)} is not a size`,
    });
  for (const image of imagesOf(nodes, imageDir))
    if (existsSync(image)) throw new BuildError("BLOCK_DEVICE_IMAGE_EXISTS", { image });
  await mkdir(mountBase, { recursive: true });
  return { imageDir, mountBase: await realpath(mountBase), imageSizeBytes: roundUpSize(size.bytes) };
}

const imagesOf = (nodes: readonly NodeConfig[], imageDir: string): string[] =>
  nodes.filter(({ type }) => type === "local_loop").map(({ name }) => join(imageDir, `${name}.raw`));

function hooksOfNodes(): BuildContext["hooks"] {
  const hooks = createHooks();
  tapBlockNodes(hooks);
  sealHooks(hooks);
  return hooks;
}

/** Completes the content, unmounts and frees every device; the images stay. False when there was nothing to do. */
export async function unmountBlockDevice(
  { stateDir }: BlockDeviceParameters,
  services: BlockDeviceServices,
): Promise<boolean> {
  if (!existsSync(stateDir)) return false;
  await using _ = await holdState(stateDir, services);
  const nodes = findNodes(stateDir);
  if (nodes === undefined) return false;
  await giveBack(stateDir, nodes, services, true);
  return true;
}

/** Afterwards nothing but the images is left. Throws BLOCK_DEVICE_STATE_MISSING when nothing was made. */
export async function cleanUpBlockDevice(
  { stateDir }: BlockDeviceParameters,
  services: BlockDeviceServices,
): Promise<void> {
  readNodes(stateDir); // or there is nothing to hold
  await using _ = await holdState(stateDir, services);
  const nodes = readNodes(stateDir); // whoever held it may have given some back
  await giveBack(stateDir, nodes, services, true);
  await rm(stateDir, { recursive: true });
}

/** After an error: nothing is left, the images neither. Throws BLOCK_DEVICE_STATE_MISSING when nothing was made. */
export async function deleteBlockDevice(
  { stateDir }: BlockDeviceParameters,
  services: BlockDeviceServices,
): Promise<void> {
  readNodes(stateDir); // or there is nothing to hold
  await using _ = await holdState(stateDir, services);
  const nodes = readNodes(stateDir); // whoever held it may have given some back
  await giveBack(stateDir, nodes, services, false);
  for (const image of nodes.images) await rm(image, { force: true });
  await rm(stateDir, { recursive: true });
}

/** Whatever was given back is forgotten at once: when something else can't be, the command can be repeated. */
async function giveBack(
  stateDir: string,
  { loans: written, images }: WrittenNodes,
  { exec, emit, signal }: BlockDeviceServices,
  isComplete: boolean,
): Promise<void> {
  const services = { exec, emit, signal, images };
  const held = new Map(written.map((loan) => [loan, loan]));
  const note = () => writeNodes(stateDir, { loans: [...held.values()], images });
  {
    await using stack = new ResourceStack();
    for (const own of written) {
      const loan = loanOf(own);
      stack.defer(loan.label(own.data), async () => {
        if (own.loan === lvmSystem.name && hasOther(held.keys(), own))
          throw new Error("what it leads is not given back");
        await loan.release(own.data, services);
        held.delete(own);
        note();
      });
    }
    for (const own of isComplete ? [...written].reverse() : []) {
      const { complete } = loanOf(own);
      if (complete === undefined || own.isComplete === true) continue;
      await complete(own.data, services);
      held.set(own, { ...own, isComplete: true });
      note();
    }
  }
  note();
}

/** lvm must not see the host's devices: what is left of a group needs the settings that it was made with. */
function hasOther(held: Iterable<WrittenLoan>, own: WrittenLoan): boolean {
  return [...held].some((other) => other !== own && other.data.systemDir === own.data.systemDir);
}

function loanOf({ loan: name }: WrittenLoan) {
  const loan = loans.get(name);
  if (loan === undefined) throw new Error(`nodes.json has a loan of an unknown kind: ${name}`);
  return loan;
}

const labelOf = (written: WrittenLoan): string => loanOf(written).label(written.data);

/** Writes etc/fstab with all mounts, and etc/crypttab where there is something encrypted, into the tree that is to be copied onto the disk. */
export async function writeBlockDeviceFstab({ stateDir, buildDir }: BlockDeviceParameters): Promise<void> {
  const state = readState(stateDir);
  const crypttab = formatCrypttab(state);
  const texts = { fstab: formatFstab(state) ?? "", ...(crypttab === undefined ? {} : { crypttab }) };
  const tree = join(buildDir, "built");
  await mkdir(tree, { recursive: true });
  for (const [name, text] of Object.entries(texts)) {
    await writeFile(join(stateDir, name), text);
    await targetFiles(tree).write(`/etc/${name}`, text);
  }
}
