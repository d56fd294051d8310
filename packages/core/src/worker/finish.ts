import type { Disk } from "../block-device/create.js";
import { finaliseBase } from "../phases/finalise-base.js";
import { runPhase, type PhaseRoot, type PhaseSetting } from "../phases/run-phases.js";
import { phases } from "../phases/table.js";
import type { PlannedDisk } from "../plan/plan.js";
import { tellImageUsage } from "../report/image-usage.js";
import { readPackages } from "../report/packages.js";
import type { BuildReport, PhaseReport } from "../report/report.js";
import { enterBase } from "../workspace/base.js";
import { openDisk, type OpenedDisk } from "./disk.js";
import { runExtraUnmount } from "./extra-unmount.js";
import type { BuiltTree } from "./tree.js";

/** The finalised root at the workspace's mountDir, with nothing mounted below it but its own file systems. */
export interface Finished extends AsyncDisposable {
  readonly reports: readonly PhaseReport[];
  readonly packages: BuildReport["packages"];
  readonly disk: Disk | undefined;
  readonly changed?: OpenedDisk["changed"];
  readonly keep?: OpenedDisk["keep"];
}

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
  return {
    reports,
    packages,
    disk: undefined,
    [Symbol.asyncDispose]: () => tree[Symbol.asyncDispose](),
  };
}

/** Parks the tree, makes the disk from it and runs the last phases there. */
export async function finishOnDisk(planned: PlannedDisk, tree: BuiltTree, setting: PhaseSetting): Promise<Finished> {
  const { workspace, ctx, plan } = setting;
  await tree.leaveBase();
  await runExtraUnmount(setting);
  await workspace.parkTree();
  await tellImageUsage(plan, workspace.builtDir, ctx);
  const opened = await openDisk(planned, tree, setting);
  await using disk = opened.disk;
  const mountPaths = [...disk.state.mount.values()].map(({ path }) => path);
  await using base = await enterBase(workspace.target, { deviceNodes: disk.deviceNodes, mountPaths }, ctx);
  const root = { env: { ...opened.sized, ...disk.environment }, resolvConf: tree.resolvConf };
  const reports = [opened.report, ...(await runAll(lastPhases, root, setting))];
  await base.leave();
  await finaliseBase(workspace.mountDir, tree.resolvConf, ctx);
  const packages = await readPackages(workspace.target);
  const finished = disk.move();
  const { changed, keep } = opened;
  return {
    reports,
    packages,
    disk: finished,
    changed,
    keep,
    [Symbol.asyncDispose]: () => finished[Symbol.asyncDispose](),
  };
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
