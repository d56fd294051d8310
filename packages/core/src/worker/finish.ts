import { createDisk, type Disk } from "../block-device/create.js";
import { planHandedOver, readHandedOver, type GivenNodes } from "../block-device/handed-over.js";
import { computeImageSize } from "../block-device/sizes.js";
import { listenForDevice } from "../phases/device-answer.js";
import { finaliseBase } from "../phases/finalise-base.js";
import type { Env } from "../phases/phase-run.js";
import { runPhase, type PhaseRoot, type PhaseSetting } from "../phases/run-phases.js";
import { phases } from "../phases/table.js";
import type { PlannedDisk } from "../plan/plan.js";
import { tellImageUsage } from "../report/image-usage.js";
import { readPackages } from "../report/packages.js";
import type { BuildReport, PhaseReport } from "../report/report.js";
import { enterBase } from "../workspace/base.js";
import { runExtraUnmount } from "./extra-unmount.js";
import type { BuiltTree } from "./tree.js";

/** The finalised root at the workspace's mountDir, with nothing mounted below it but its own file systems. */
export interface Finished extends AsyncDisposable {
  readonly reports: readonly PhaseReport[];
  readonly packages: BuildReport["packages"];
  readonly disk: Disk | undefined;
}

const blockDevicePhase = phases.filter(({ name }) => name === "block-device");
const lastPhases = phases.filter(({ root }) => root === "disk");

/** No disk format is asked for: pre-finalise, finalise and cleanup run on the tree itself. */
export async function finishOnTree(tree: BuiltTree, setting: PhaseSetting): Promise<Finished> {
  await tree.enterBase();
  const root = { env: {}, resolvConf: tree.resolvConf };
  const reports = await runAll(lastPhases, root, setting);
  await tree.leaveBase();
  await tellImageUsage(setting.plan, setting.workspace.mountDir, setting.ctx);
  await finaliseBase(setting.workspace.mountDir, tree.resolvConf, setting.ctx);
  const packages = await readPackages(setting.workspace.target);
  return { reports, packages, disk: undefined, [Symbol.asyncDispose]: () => tree[Symbol.asyncDispose]() };
}

/** Parks the tree, makes the disk from it and runs the last phases there. */
export async function finishOnDisk(planned: PlannedDisk, tree: BuiltTree, setting: PhaseSetting): Promise<Finished> {
  const { workspace, ctx, stopwatch, plan } = setting;
  await tree.leaveBase();
  await runExtraUnmount(setting);
  await workspace.parkTree();
  await tellImageUsage(plan, workspace.builtDir, ctx);
  const computed = await stopwatch.time("imageSize", () => computeImageSize(planned, workspace.builtDir, ctx));
  const imageSizeBytes = await ctx.hooks.imageSize.run(computed);
  const sized = { DIB_IMAGE_SIZE: String(Math.ceil(imageSizeBytes / 1024)) };
  const prepared = await runBlockDevice(sized, planned, setting);
  const { reports } = prepared;

  const { builtDir, mountDir, imageDir } = workspace;
  await using disk = await createDisk({
    plan,
    planned: prepared.planned,
    given: prepared.given,
    tree: builtDir,
    mountBase: mountDir,
    imageDir,
    imageSizeBytes,
    secrets: setting.places.secrets,
    stopwatch,
    ctx,
  });
  const mountPaths = [...disk.state.mount.values()].map(({ path }) => path);
  await using base = await enterBase(workspace.target, { deviceNodes: disk.deviceNodes, mountPaths }, ctx);
  const root = { env: { ...sized, ...disk.environment }, resolvConf: tree.resolvConf };
  reports.push(...(await runAll(lastPhases, root, setting)));
  await base.leave();
  await finaliseBase(mountDir, tree.resolvConf, ctx);
  const packages = await readPackages(workspace.target);
  const finished = disk.move();
  return { reports, packages, disk: finished, [Symbol.asyncDispose]: () => finished[Symbol.asyncDispose]() };
}

interface AfterBlockDevice {
  readonly reports: PhaseReport[];
  readonly given: GivenNodes | undefined;
  readonly planned: PlannedDisk;
}

/** The block-device phase, and what its scripts made in the way that was DIB's before layouts. */
async function runBlockDevice(env: Env, planned: PlannedDisk, setting: PhaseSetting): Promise<AfterBlockDevice> {
  const listener = listenForDevice(setting.output);
  const listening = { ...setting, output: listener.output };
  const reports = await runAll(blockDevicePhase, { env, resolvConf: undefined }, listening);
  const answer = listener.answer();
  const { workspace, ctx } = setting;
  if (answer === undefined) return { reports, given: undefined, planned };
  const given = await readHandedOver(answer, workspace.imageDir, planned, ctx.exec);
  return { reports, given, planned: planHandedOver(planned, given, answer, ctx.emit) };
}

async function runAll(which: typeof phases, root: PhaseRoot, setting: PhaseSetting): Promise<PhaseReport[]> {
  const reports: PhaseReport[] = [];
  for (const phase of which) {
    const run = () => runPhase(phase, root, setting);
    const isLast = phase.name === "cleanup"; // in which elements take out of the image what is to lie beside it
    reports.push(await (isLast ? setting.sideFiles.catch(setting.workspace, run, setting.ctx) : run()));
  }
  return reports;
}
