/**
 * The disk with the tree in it, kept for the next build. Where its only output is a compressed qcow2, the last phases write into an
 * image on top of the filled disk. What is kept is the output, and of the clusters that these phases have changed how they were
 * before: together they are the filled disk, of which most is compressed already. The next build for which nothing has changed up
 * to here begins with it, and compresses no more than what its last phases change.
 */
import { mkdir, readdir, readFile, rename, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { builtInBlockNodes } from "../block-device/built-in.js";
import { canLayChanges } from "../block-device/changes.js";
import { canMountVfat } from "../block-device/create-nodes.js";
import { createDisk, openFilledDisk, type Disk, type DiskRequest } from "../block-device/create.js";
import { fileSystemType } from "../block-device/file-system.js";
import type { KnownFileSystem, NodeConfig } from "../block-device/node.js";
import type { BuildContext } from "../context.js";
import { reasonOf } from "../errors.js";
import type { ChangedDisk } from "../formats/format.js";
import { fillQcow2 } from "../formats/assemble-qcow2.js";
import { compression } from "../formats/qcow2.js";
import { readMap } from "../formats/write-changed.js";
import type { KeptFolder, NewDisk } from "../layers/disk-layers.js";
import type { Inputs } from "../layers/layer.js";
import type { TreeLayers } from "../layers/tree-layers.js";
import { countsAlways } from "../layers/whole-build.js";
import type { PhaseSetting } from "../phases/run-phases.js";
import { phases, type PhaseInfo } from "../phases/table.js";
import { canonicalJson, sha256 } from "../plan/digest.js";
import type { PlannedDisk } from "../plan/plan.js";
import { defaultEnv, mustRun } from "../process/exec.js";
import type { Workspace } from "../workspace/workspace.js";

export const blockDevice = phases.find(({ name }) => name === "block-device") as PhaseInfo;

/** Not btrfs: the kernel takes two file systems of one UUID for the same. */
const keptTypes = ["ext2", "ext3", "ext4", "xfs", "vfat", "swap"];
const keptNodes = ["local_loop", "partitioning", "mkfs", "mount", "fstab"];

/** Whether the disk is one that can be kept, and the last word on it is core's. Tries what it needs of this machine. */
export async function canKeepDisk(planned: PlannedDisk, setting: PhaseSetting): Promise<boolean> {
  const { plan, workspace, ctx } = setting;
  const { qcow2Compression, qemuImgOptions } = plan.settings;
  const outputs = plan.outputs.filter(({ from }) => from === "disk");
  const isQcow2 = outputs.length === 1 && outputs[0]?.format === "qcow2";
  if (!isQcow2 || qcow2Compression === "none" || qemuImgOptions !== "" || !isPlain(planned)) return false;
  if (await canOthersChange(setting)) return false;
  const hasFat = planned.nodes.some((node) => node.type === "mkfs" && fileSystemType(node.values) === "vfat");
  return (!hasFat || (await canMountVfat(ctx))) && (await canLayChanges(workspace.imageDir, ctx));
}

function isPlain({ nodes }: PlannedDisk): boolean {
  const isKept = ({ type, values }: NodeConfig) =>
    keptNodes.includes(type) && (type !== "mkfs" || keptTypes.includes(fileSystemType(values)));
  return nodes.every(isKept) && nodes.filter(({ type }) => type === "local_loop").length === 1;
}

/** Scripts of the phase, and taps of elements and callers. */
async function canOthersChange({ workspace, ctx: { hooks } }: PhaseSetting): Promise<boolean> {
  const scripts = await readdir(join(workspace.hooksDir, `${blockDevice.name}.d`)).catch(() => []);
  const steps = [hooks.beforePhase, hooks.phase, hooks.afterPhase].map((map) => map.for(blockDevice.name));
  const ours = [hooks.format.for("qcow2"), ...keptNodes.map((type) => hooks.blockDevice.for(type))];
  return (
    scripts.length > 0 ||
    [hooks.imageSize, ...steps].some((hook) => hook.ordered().length > 0) ||
    ours.some((hook) => hook.ordered().length > 1)
  );
}

/** What a kept disk depends on beside the tree. By its path no other image has file systems of the same UUID. */
export async function keptInputs(planned: PlannedDisk, { plan, places }: PhaseSetting): Promise<Inputs> {
  const config = await readFile("/etc/mke2fs.conf", "utf8").catch(() => "");
  const variables = plan.environment.filter(({ name }) => countsAlways(name));
  return {
    image: places.output,
    "disk layout": canonicalJson(planned),
    "qcow2 options": canonicalJson(compression(plan.settings)),
    ...Object.fromEntries(variables.map(({ name, value = "secret" }) => [`variable ${name}`, value])),
    "programs that make disks": sha256(canonicalJson({ config, programs: await programsOf(planned) })),
  };
}

/** Size and time of each, as packages install them. */
async function programsOf({ nodes }: PlannedDisk): Promise<readonly string[]> {
  const commands = nodes.flatMap((node) => {
    const type = builtInBlockNodes.find(({ name }) => name === node.type);
    return (type?.hostCommands?.(node) ?? []).map(({ command }) => command);
  });
  const folders = (defaultEnv["PATH"] ?? "").split(":");
  const states = [...new Set(commands)].sort().map(async (command) => {
    const found = await Promise.all(folders.map((folder) => stat(join(folder, command)).catch(() => undefined)));
    const program = found.find((each) => each !== undefined);
    return `${command} ${program?.size} ${program?.mtimeMs}`;
  });
  return Promise.all(states);
}

/** The output; in a qcow2 on top of it what the last phases changed, as it was; and a description. */
const [outputName, beforeName, descriptionName] = ["output.qcow2", "before.qcow2", "disk.json"];

/** JSON. */
interface DiskDescription {
  readonly imageSizeBytes: number;
  readonly fileSystems: readonly (readonly [string, KnownFileSystem])[];
}

export interface KeptDisk extends DiskDescription, KeptFolder {}

interface DiskStore {
  readonly find: () => Promise<KeptDisk | undefined>;
  /** As `DiskLayers` does. */
  readonly keep: (disk: NewDisk) => () => Promise<void>;
}

/** Where a disk of these inputs is kept; undefined where none can be. */
export async function openDiskStore(
  planned: PlannedDisk,
  { disk: store }: TreeLayers,
  setting: PhaseSetting,
): Promise<DiskStore | undefined> {
  if (store === undefined || !(await canKeepDisk(planned, setting))) return undefined;
  const inputs = await keptInputs(planned, setting);
  return {
    find: async () => {
      const found = await store.find(blockDevice, inputs);
      if (found === undefined) return undefined;
      const text = await readFile(join(found.folder, descriptionName), "utf8");
      return { ...found, ...(JSON.parse(text) as DiskDescription) };
    },
    keep: (disk) => store.keep(blockDevice, inputs, disk),
  };
}

export interface ChangingDisk {
  readonly disk: Disk;
  /** Once the disk is unmounted. */
  readonly changed: ChangedDisk;
  /** Keeps the disk by the output that was written of it; beside what follows. */
  readonly keep?: (output: string) => void;
}

/** Undefined, with a warning, when it can't be opened here; then it is kept no more. */
export async function openKeptDisk(kept: KeptDisk, request: DiskRequest): Promise<ChangingDisk | undefined> {
  const { signal, emit } = request.ctx;
  const converted = join(kept.folder, outputName);
  const base = { file: converted, format: "qcow2" } as const;
  const filled = { base, first: join(kept.folder, beforeName), fileSystems: new Map(kept.fileSystems) };
  try {
    const { disk, changes } = await openFilledDisk(filled, request);
    kept.tell();
    return { disk, changed: { changes, converted } };
  } catch (error) {
    signal.throwIfAborted();
    const text = `The disk that an earlier build has kept in ${kept.folder} can't be opened, and is made anew: ${reasonOf(error)}`;
    emit({ type: "note", level: "warning", text });
    await kept.discard();
    return undefined;
  }
}

/** A disk that can be kept. */
export async function createKeepableDisk(
  keepIt: DiskStore["keep"],
  request: DiskRequest,
  { resources }: Workspace,
): Promise<ChangingDisk> {
  const { imageDir, imageSizeBytes } = request;
  const startedAt = performance.now();
  await using made = await createDisk(request);
  const fileSystems = [...made.state.filesys].map(([name, { device: _, ...known }]) => [name, known] as const);
  await made.unmount();
  const seconds = (performance.now() - startedAt) / 1000;
  const base = join(imageDir, "filled", "disk.raw");
  await mkdir(join(imageDir, "filled"));
  await rename(made.image, base);
  const filled = { base: { file: base, format: "raw" as const }, fileSystems: new Map(fileSystems) };
  const { disk, changes } = await openFilledDisk(filled, request);
  const keep = (output: string) => {
    const parts = { output, base, changes, description: { imageSizeBytes, fileSystems } };
    const write = (folder: string) => writeKept(folder, parts, request.ctx);
    resources.defer("the disk being kept", keepIt({ write, seconds }));
  };
  return { disk, changed: { changes }, keep };
}

interface KeptParts {
  readonly output: string;
  readonly base: string;
  readonly changes: string;
  readonly description: DiskDescription;
}

const clusterBytes = 65_536; // QEMU's own choice

async function writeKept(
  folder: string,
  { output, base, changes, description }: KeptParts,
  { exec, signal }: BuildContext,
): Promise<void> {
  await mustRun(exec, "cp", ["--reflink=auto", "--", output, join(folder, outputName)], { signal });
  const before = join(folder, beforeName);
  const { size } = await stat(base);
  await mustRun(exec, "qemu-img", ["create", "-q", "-f", "qcow2", before, String(size)], { signal });
  const { changed } = await readMap(changes, clusterBytes, { exec, signal });
  await fillQcow2(before, { raw: base, clusters: changed }, signal);
  await writeFile(join(folder, descriptionName), JSON.stringify(description));
}
