/**
 * The disk that the last phases run on. Where its only output is a compressed qcow2, the disk is converted as soon as the tree is
 * in it, while those phases write into an image on top: what they have changed is all that remains to be compressed. What was
 * converted is kept, and the next build for which nothing has changed up to here begins with it.
 */
import { mkdir, readdir, readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { canLayChanges } from "../block-device/changes.js";
import { canMountVfat } from "../block-device/create-nodes.js";
import { createDisk, openFilledDisk, type Disk, type DiskRequest } from "../block-device/create.js";
import { fileSystemType } from "../block-device/file-system.js";
import { planHandedOver, readHandedOver, type GivenNodes } from "../block-device/handed-over.js";
import type { KnownFileSystem } from "../block-device/node.js";
import { computeImageSize } from "../block-device/sizes.js";
import type { ConvertedDisk } from "../formats/format.js";
import { compression, convertDisk } from "../formats/qcow2.js";
import type { Inputs } from "../layers/layer.js";
import type { TreeLayers } from "../layers/tree-layers.js";
import { listenForDevice } from "../phases/device-answer.js";
import type { Env } from "../phases/phase-run.js";
import { runPhase, type PhaseSetting } from "../phases/run-phases.js";
import { phases, type PhaseInfo } from "../phases/table.js";
import { canonicalJson } from "../plan/digest.js";
import type { PlannedDisk } from "../plan/plan.js";
import type { PhaseReport } from "../report/report.js";
import type { BuiltTree } from "./tree.js";

export interface OpenedDisk {
  readonly disk: Disk;
  /** What an output of it can be made of once it is unmounted. */
  readonly converted: ConvertedDisk | undefined;
  /** DIB_IMAGE_SIZE. */
  readonly sized: Env;
  readonly report: PhaseReport;
}

/** Runs the block-device phase, and makes the disk of the parked tree or takes it from an earlier build. */
export async function openDisk(planned: PlannedDisk, tree: BuiltTree, setting: PhaseSetting): Promise<OpenedDisk> {
  const { plan, places, workspace, stopwatch, ctx } = setting;
  const inputs = await keptInputs(planned, tree.layers, setting);
  const kept = inputs === undefined ? undefined : await findKept(inputs, tree);
  const imageSizeBytes = kept?.imageSizeBytes ?? (await sizeOf(planned, setting));
  const sized = { DIB_IMAGE_SIZE: String(Math.ceil(imageSizeBytes / 1024)) };
  const prepared = await runBlockDevice(sized, planned, setting);
  const { report } = prepared;
  const request: DiskRequest = {
    ...{ plan, planned: prepared.planned, given: prepared.given, imageSizeBytes, stopwatch, ctx },
    ...{ tree: workspace.builtDir, mountBase: workspace.mountDir, imageDir: workspace.imageDir },
    secrets: places.secrets,
  };
  if (inputs === undefined) return { disk: await createDisk(request), converted: undefined, sized, report };
  return { ...(await (kept === undefined ? keepNew(inputs, tree, request) : openKept(kept, request))), sized, report };
}

async function sizeOf(planned: PlannedDisk, { workspace, stopwatch, ctx }: PhaseSetting): Promise<number> {
  const computed = await stopwatch.time("imageSize", () => computeImageSize(planned, workspace.builtDir, ctx));
  return ctx.hooks.imageSize.run(computed);
}

interface AfterBlockDevice {
  readonly report: PhaseReport;
  readonly given: GivenNodes | undefined;
  readonly planned: PlannedDisk;
}

export const blockDevice = phases.find(({ name }) => name === "block-device") as PhaseInfo;

/** The block-device phase, and what its scripts made in the way that was DIB's before layouts. */
async function runBlockDevice(env: Env, planned: PlannedDisk, setting: PhaseSetting): Promise<AfterBlockDevice> {
  const listener = listenForDevice(setting.output);
  const report = await runPhase(blockDevice, { env, resolvConf: undefined }, { ...setting, output: listener.output });
  const answer = listener.answer();
  const { workspace, ctx } = setting;
  if (answer === undefined) return { report, given: undefined, planned };
  const given = await readHandedOver(answer, workspace.imageDir, planned, ctx.exec);
  return { report, given, planned: planHandedOver(planned, given, answer, ctx.emit) };
}

// --- what is kept ----------------------------------------------------------------------------------------------------

/** JSON, beside `disk.qcow2`. */
interface DiskDescription {
  readonly imageSizeBytes: number;
  readonly fileSystems: readonly (readonly [string, KnownFileSystem])[];
}

interface KeptDisk extends DiskDescription {
  /** Absolute. */
  readonly file: string;
}

const [imageName, descriptionName] = ["disk.qcow2", "disk.json"];

const keptTypes = ["local_loop", "partitioning", "mkfs", "mount", "fstab"];

/** What a kept disk depends on beside the tree; undefined where none can be kept. File systems of two images never have the same UUID. */
export async function keptInputs(
  planned: PlannedDisk,
  layers: TreeLayers,
  setting: PhaseSetting,
): Promise<Inputs | undefined> {
  const { plan, workspace, ctx } = setting;
  const { qcow2Compression, qemuImgOptions } = plan.settings;
  const outputs = plan.outputs.filter(({ from }) => from === "disk");
  const isQcow2 = outputs.length === 1 && outputs[0]?.format === "qcow2";
  const types = planned.nodes.map(({ type }) => type);
  const isPlain =
    types.every((type) => keptTypes.includes(type)) && types.filter((type) => type === "local_loop").length === 1;
  const isAsked = layers.isOpen && isQcow2 && qcow2Compression !== "none" && qemuImgOptions === "";
  if (!isAsked || !isPlain || (await hasSay(setting))) return undefined;
  const hasFat = planned.nodes.some(({ type, values }) => type === "mkfs" && fileSystemType(values) === "vfat");
  if (hasFat && !(await canMountVfat(ctx))) return undefined;
  if (!(await canLayChanges(workspace.imageDir, ctx))) return undefined;
  return {
    image: plan.output,
    "disk layout": canonicalJson(planned),
    "qcow2 options": canonicalJson(compression(plan.settings)),
  };
}

/** Whether somebody beside core may do something to the tree, the disk or the output. */
async function hasSay({ workspace, ctx: { hooks } }: PhaseSetting): Promise<boolean> {
  const [free, ours] = [
    [hooks.imageSize, ...[hooks.beforePhase, hooks.phase, hooks.afterPhase].map((map) => map.for(blockDevice.name))],
    [hooks.format.for("qcow2"), ...keptTypes.map((type) => hooks.blockDevice.for(type))],
  ];
  const scripts = await readdir(join(workspace.hooksDir, `${blockDevice.name}.d`)).catch(() => []);
  return (
    scripts.length > 0 ||
    free.some((hook) => hook.ordered().length > 0) ||
    ours.some((hook) => hook.ordered().length > 1)
  );
}

async function findKept(inputs: Inputs, { layers }: BuiltTree): Promise<KeptDisk | undefined> {
  const folder = await layers.findFolder(blockDevice, inputs);
  if (folder === undefined) return undefined;
  const description = JSON.parse(await readFile(join(folder, descriptionName), "utf8")) as DiskDescription;
  return { ...description, file: join(folder, imageName) };
}

type WithConverted = Pick<OpenedDisk, "disk" | "converted">;

async function openKept({ file, fileSystems }: KeptDisk, request: DiskRequest): Promise<WithConverted> {
  const filled = { base: { file, format: "qcow2" as const }, fileSystems: new Map(fileSystems) };
  return withConverted(await openFilledDisk(filled, request), async () => file);
}

/** Makes the disk, converts it as it is and keeps that, both beside what follows. */
async function keepNew(inputs: Inputs, { layers }: BuiltTree, request: DiskRequest): Promise<WithConverted> {
  const { plan, imageDir, imageSizeBytes, ctx } = request;
  const started = performance.now();
  await using made = await createDisk(request);
  const fileSystems = [...made.state.filesys].map(([name, { device: _, ...known }]) => [name, known] as const);
  await made.unmount();
  const [base, folder] = [join(imageDir, "filled.raw"), join(imageDir, "filled")];
  await rename(made.image, base);
  await mkdir(folder, { mode: 0o700 });
  await writeFile(
    join(folder, descriptionName),
    JSON.stringify({ imageSizeBytes, fileSystems } satisfies DiskDescription),
  );
  const file = join(folder, imageName);
  const converting = convertDisk({ image: base, staged: file, plan, exec: ctx.exec, signal: ctx.signal });
  converting.catch(() => undefined); // told to whoever keeps it, and whoever writes the output
  const seconds = () => (performance.now() - started) / 1000;
  layers.keepFolder(blockDevice, inputs, { folder, isWhole: converting, seconds });
  const disk = await openFilledDisk(
    { base: { file: base, format: "raw" }, fileSystems: new Map(fileSystems) },
    request,
  );
  return withConverted(disk, async () => (await converting, file));
}

const withConverted = (disk: Disk, before: ConvertedDisk["before"]): WithConverted => ({
  disk,
  converted: { before, changes: disk.changes ?? "" },
});
