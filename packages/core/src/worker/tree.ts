import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { BuildError } from "../errors.js";
import { runPhase, writeInstallType, type PhaseSetting } from "../phases/run-phases.js";
import { phases } from "../phases/table.js";
import { readAptSuites } from "../report/apt-suites.js";
import type { BuildReport, PhaseReport } from "../report/report.js";
import { enterBase, type Base } from "../workspace/base.js";
import { ResourceStack } from "../workspace/resource-stack.js";
import { openResolvConf, type ResolvConf } from "../workspace/resolv-conf.js";

/** The tree after its phases: the base with its mounts, still in place. */
export interface BuiltTree extends AsyncDisposable {
  readonly reports: readonly PhaseReport[];
  readonly resolvConf: ResolvConf;
  readonly base: Base;
  /** As they were when packages had been installed: later scripts may empty the lists. */
  readonly aptSuites: BuildReport["sources"]["apt"];
}

const [rootPhase, ...laterPhases] = phases.filter(({ root, name }) => root === "tree" && name !== "block-device");

/** root, then the base (resolv.conf, kernel file systems), then extra-data to post-root. */
export async function runTreePhases(setting: PhaseSetting): Promise<BuiltTree> {
  const { workspace, ctx } = setting;
  if (rootPhase === undefined) throw new Error("the phase table has no root phase");
  const reports = [await runPhase(rootPhase, { env: {}, resolvConf: undefined }, setting)];
  await checkRootDeployed(workspace.mountDir);
  const resolvConf = await openResolvConf(workspace.mountDir, ctx);
  const base = await enterBase(workspace.target, { deviceNodes: [], mountPaths: [] }, ctx);
  await using unfinished = new ResourceStack();
  unfinished.defer("the mounts of the tree", () => base.leave());
  await writeInstallType(workspace.hooksDir);
  let aptSuites: BuiltTree["aptSuites"] = [];
  for (const phase of laterPhases) {
    reports.push(await runPhase(phase, { env: {}, resolvConf }, setting));
    if (phase.name === "install") aptSuites = await readAptSuites(workspace.target);
  }
  await rm(join(workspace.mountDir, "lost+found"), { recursive: true, force: true });
  unfinished.move(); // from here on it is the caller's
  return { reports, resolvConf, base, aptSuites, [Symbol.asyncDispose]: () => base[Symbol.asyncDispose]() };
}

/** Throws ROOT_NOT_DEPLOYED unless the root phase left more than `lost+found` and `tmp`. */
async function checkRootDeployed(root: string): Promise<void> {
  const found = await readdir(root);
  if (found.every((name) => name.startsWith("lost+found") || name.endsWith("tmp")))
    throw new BuildError("ROOT_NOT_DEPLOYED", { found });
}
