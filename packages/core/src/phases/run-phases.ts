import { mkdir, readdir, rmdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { BuildContext } from "../context.js";
import type { SourceRecord } from "../fetch/sources.js";
import type { Tap } from "../hooks.js";
import type { BuildPlaces, BuildPlan } from "../plan/plan.js";
import type { PhaseReport, ScriptReport } from "../report/report.js";
import type { Stopwatch } from "../report/stopwatch.js";
import type { ScriptOwners } from "../workspace/hook-tree.js";
import { bind } from "../workspace/mounts.js";
import type { ResolvConf } from "../workspace/resolv-conf.js";
import { ResourceStack } from "../workspace/resource-stack.js";
import type { SideFiles } from "../workspace/side-files.js";
import type { SideFolders } from "../workspace/side-folders.js";
import { resolveInRoot } from "../workspace/target.js";
import type { Workspace } from "../workspace/workspace.js";
import { chrootEnvironment, environmentFiles, evaluateEnvironment, hostEnvironment } from "./environment.js";
import { makeInitramfsOnce } from "./initramfs-once.js";
import { isScriptName, numberOf } from "./order.js";
import type { Env, PhaseRun } from "./phase-run.js";
import { createPhaseRun, shellStep } from "./run-script.js";
import { openSandbox, type Sandbox } from "./sandbox.js";
import type { ScriptOutput } from "./script-output.js";
import type { PhaseInfo } from "./table.js";

/** What all phases of a build share. */
export interface PhaseSetting {
  readonly plan: BuildPlan;
  readonly places: BuildPlaces;
  readonly workspace: Workspace;
  readonly owners: ScriptOwners;
  readonly output: ScriptOutput;
  /** Opens a shell for the user and returns when it has ended. */
  readonly breakShell: (name: string, run: PhaseRun) => Promise<void>;
  readonly sources: SourceRecord;
  readonly sideFolders: SideFolders;
  readonly sideFiles: SideFiles;
  readonly ctx: BuildContext;
  readonly stopwatch: Stopwatch;
  /** A folder put first in PATH: the stand-in for sudo, on hosts without it. */
  readonly pathPrefix: string | undefined;
}

/** What changes as the build goes on. */
export interface PhaseRoot {
  /** Variables that exist from now on: IMAGE_BLOCK_DEVICE, DIB_IMAGE_SIZE. */
  readonly env: Env;
  /** Undefined while there is no base to run in, and when the tree is parked. */
  readonly resolvConf: ResolvConf | undefined;
  /** Makes what its taps get notice what they ask for. @default nothing is noticed */
  readonly trace?: ((run: PhaseRun) => PhaseRun) | undefined;
}

/** Runs one phase: environment, `beforePhase`, its steps in order, `afterPhase`. Nothing that it started is alive afterwards. */
export async function runPhase(phase: PhaseInfo, root: PhaseRoot, setting: PhaseSetting): Promise<PhaseReport> {
  const { ctx, workspace } = setting;
  const started = performance.now();
  ctx.signal.throwIfAborted();
  ctx.emit({ type: "phase-start", phase: phase.name, place: phase.place, root: phase.root });
  await using _resolvConf = await root.resolvConf?.putInPlace();
  await using stack = new ResourceStack();
  const hasBase = root.resolvConf !== undefined;
  if (phase.place === "chroot" && phase.root === "tree") await makeInitramfsOnce(workspace.target, stack, ctx.exec);
  const proc = hasBase ? await resolveInRoot(workspace.mountDir, "/proc") : undefined;
  const sandbox = await openSandbox(proc, ctx, { hasNetwork: setting.plan.network.includes(phase.name) });
  stack.defer("processes of the phase", () => sandbox.close());
  const stop = () => void sandbox.close().catch(() => undefined); // the stack is told as well
  ctx.signal.addEventListener("abort", stop, { once: true });
  stack.defer("the wait for an abort", () => ctx.signal.removeEventListener("abort", stop));
  const hooksInside = phase.place === "chroot" ? await openHooksInside(workspace, stack, ctx) : undefined;
  const env = await phaseEnvironment(phase, root, setting, sandbox, hooksInside);
  const scripts: ScriptReport[] = [];
  const run = createPhaseRun({ phase, env, trace: root.trace }, setting, sandbox, scripts);
  const soFar = () => ({ phase: phase.name, seconds: (performance.now() - started) / 1000, scripts });
  await runSteps(run, soFar, setting, hooksInside);
  const report = soFar();
  ctx.emit({ type: "phase-end", phase: phase.name, seconds: report.seconds });
  return report;
}

async function runSteps(
  run: PhaseRun,
  soFar: () => PhaseReport,
  setting: PhaseSetting,
  hooksInside: string | undefined,
): Promise<void> {
  const { hooks } = setting.ctx;
  const { phase } = run;
  try {
    await hooks.beforePhase.for(phase.name).run(run);
    await hooks.phase.for(phase.name).runWith(await scriptTaps(phase, setting, hooksInside), run);
    await hooks.afterPhase.for(phase.name).run(run, soFar());
  } catch (error) {
    const wantsShell = setting.plan.settings.shellOnError || setting.plan.settings.breaks.includes("after-error");
    if (wantsShell && !setting.ctx.signal.aborted) await setting.breakShell("after-error", run);
    throw error;
  }
}

/** The scripts of a phase as taps, read from the hook folder now: earlier phases may have added some. */
async function scriptTaps(
  phase: PhaseInfo,
  setting: PhaseSetting,
  hooksInside: string | undefined,
): Promise<Tap<[PhaseRun], void>[]> {
  const folder = join(setting.workspace.hooksDir, `${phase.name}.d`);
  const names = await scriptNames(folder, setting);
  return names.map((name) => {
    const element = setting.owners.get(`${phase.name}.d/${name}`) ?? "-";
    const path = join(hooksInside ?? setting.workspace.hooksDir, `${phase.name}.d`, name);
    const step = shellStep(path);
    return {
      name,
      rank: 0,
      stage: numberOf(name),
      fn: (run: PhaseRun) => run.perform({ name, element, kind: "shell" }, step),
    };
  });
}

/** dib-run-parts' selection: executable files (or links to such) whose names have letters, digits, `_` and `-` only. */
async function scriptNames(folder: string, { ctx }: PhaseSetting): Promise<string[]> {
  const names = (await readdir(folder).catch(() => [])).filter(isScriptName);
  if (names.length === 0) return [];
  const { stdout } = await ctx.exec("find", [
    folder,
    "-mindepth",
    "1",
    "-maxdepth",
    "1",
    "-xtype",
    "f",
    "-executable",
    "-printf",
    "%f\\0",
  ]);
  const runnable = new Set(stdout.split("\0"));
  return names.filter((name) => runnable.has(name));
}

/** The hook folder as scripts in the chroot see it: read-only at DIB's fixed place. */
async function openHooksInside(workspace: Workspace, stack: ResourceStack, ctx: BuildContext): Promise<string> {
  const inside = "/tmp/in_target.d";
  const target = await resolveInRoot(workspace.mountDir, inside);
  await mkdir(target, { recursive: true });
  stack.defer(`folder ${inside}`, () => rmdir(target));
  await bind(workspace.hooksDir, target, stack, ctx, true);
  return inside;
}

async function phaseEnvironment(
  phase: PhaseInfo,
  root: PhaseRoot,
  setting: PhaseSetting,
  sandbox: Sandbox,
  hooksInside: string | undefined,
): Promise<Env> {
  const { ctx, plan, places, workspace, pathPrefix } = setting;
  const host = { ...hostEnvironment(plan, places, workspace, pathPrefix), ...root.env };
  const files = await environmentFiles(workspace.hooksDir);
  ctx.emit({ type: "environment", phase: phase.name, files });
  const inChroot = phase.place === "chroot";
  const hasBash = !inChroot || (await workspace.target.exists("/bin/bash"));
  if (!hasBash && (await hasNothingToRun(phase, setting)))
    return ctx.hooks.environment.run(chrootEnvironment(host), { phase: phase.name });
  const evaluated = await evaluateEnvironment(
    inChroot ? chrootEnvironment(host) : host,
    files,
    {
      phase,
      folder: join(hooksInside ?? workspace.hooksDir, "environment.d"),
      shell: hasBash ? (inChroot ? "/bin/bash" : "bash") : "/bin/sh",
      wrap: (file, args) =>
        inChroot ? sandbox.enter("chroot", [workspace.mountDir, file, ...args]) : sandbox.enter(file, args),
    },
    ctx,
  );
  return ctx.hooks.environment.run(evaluated, { phase: phase.name });
}

/** A root without a shell is an image as well, as long as no script is to run in it. */
async function hasNothingToRun(phase: PhaseInfo, setting: PhaseSetting): Promise<boolean> {
  if (await setting.workspace.target.exists("/bin/sh")) return false;
  return (await scriptNames(join(setting.workspace.hooksDir, `${phase.name}.d`), setting)).length === 0;
}

/**
 * What elements say that a tree phase depends on. They get the environment as environment.d makes it outside, whether or not the
 * phase runs afterwards; that of the first phase is made in any case, since plugins learn from it what build this is.
 */
export async function takeFingerprint(phase: PhaseInfo, setting: PhaseSetting): Promise<ReadonlyMap<string, string>> {
  const { ctx, plan, places, workspace, pathPrefix } = setting;
  const added = new Map<string, string>();
  const hook = ctx.hooks.fingerprint.for(phase.name);
  if (phase.name !== "root" && hook.ordered().length === 0) return added;
  const place = {
    phase,
    folder: join(workspace.hooksDir, "environment.d"),
    shell: "bash",
    wrap: (file: string, args: readonly string[]) => [file, ...args] as const,
  };
  const host = hostEnvironment(plan, places, workspace, pathPrefix);
  const evaluated = await evaluateEnvironment(host, await environmentFiles(workspace.hooksDir), place, ctx);
  const env = await ctx.hooks.environment.run(evaluated, { phase: phase.name });
  await hook.run({ phase: phase.name, env, add: (key, value) => void added.set(key, value) });
  return added;
}

/** From extra-data on, scripts see the default install type (DIB writes this file after the root phase). */
export async function writeInstallType(hooksDir: string): Promise<void> {
  await mkdir(join(hooksDir, "environment.d"), { recursive: true });
  const text = "export DIB_DEFAULT_INSTALLTYPE=${DIB_DEFAULT_INSTALLTYPE:-source}\n";
  await writeFile(join(hooksDir, "environment.d/11-dib-install-type.bash"), text);
}
