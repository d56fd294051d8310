import { resolve } from "node:path";
import type { Readable } from "node:stream";
import { BuildError } from "../errors.js";
import { readAptFailure } from "../fetch/apt-failure.js";
import { sourcesOf } from "../fetch/sources.js";
import { saysNoSpace } from "../out-of-space.js";
import type { ExecResult } from "../process/exec.js";
import type { ScriptRef } from "../report/events.js";
import type { ScriptReport } from "../report/report.js";
import { isFull } from "../workspace/is-full.js";
import { targetFiles } from "../workspace/target.js";
import { chrootEnvironment } from "./environment.js";
import { collectFetches } from "./fetch-log.js";
import type { Env, PhaseRun, ScriptName, StepExecOptions } from "./phase-run.js";
import type { PhaseSetting } from "./run-phases.js";
import type { Sandbox } from "./sandbox.js";
import type { PhaseInfo } from "./table.js";

type Wrap = (file: string, args: readonly string[]) => readonly [string, ...string[]];

/** Makes what the taps of a phase get. Reports of the steps that run are pushed onto `reports`. */
export function createPhaseRun(
  {
    phase,
    env,
    trace = (run) => run,
  }: {
    readonly phase: PhaseInfo;
    readonly env: Env;
    readonly trace?: ((run: PhaseRun) => PhaseRun) | undefined;
  },
  setting: PhaseSetting,
  sandbox: Sandbox,
  reports: ScriptReport[],
): PhaseRun {
  const { plan, places, workspace, ctx, output } = setting;
  const folders = new Map(plan.elements.map(({ name }) => [name, places.elements[name]?.folder ?? ""]));
  const onHost: Wrap = (file, args) => sandbox.enter(file, args);
  const inChroot: Wrap = (file, args) => sandbox.enter("chroot", [workspace.mountDir, file, ...args]);

  const runOf = (ref: ScriptRef): PhaseRun => {
    const runner =
      (wrap: Wrap, base: Env, cwd: string) =>
      async (file: string, args: readonly string[] = [], options: StepExecOptions = {}) => {
        const [command, ...rest] = wrap(file, args);
        const result = await ctx.exec(command, rest, {
          cwd,
          env: { ...base, ...options.env },
          ...(options.input === undefined ? {} : { input: options.input }),
          onOutput: (stream: "stdout" | "stderr", source: Readable) => output.pipe(ref, stream, source),
        });
        if (options.check !== false) await checkResult(result, ref, setting);
        return result;
      };
    const inside = phase.place === "chroot" ? env : chrootEnvironment(env);
    return trace({
      phase,
      plan,
      workspace,
      target: { ...targetFiles(workspace.mountDir), run: runner(inChroot, inside, "/") },
      env,
      elementFolders: folders,
      run: runner(onHost, env, places.cwd),
      exec: ctx.exec,
      sources: sourcesOf(setting.sources, { env, signal: ctx.signal, exec: ctx.exec }),
      stageFolder: (path) => setting.sideFolders.stage(resolve(places.cwd, path)),
      log: (line) => output.line(ref, line),
      signal: ctx.signal,
      perform: (script, step) =>
        perform(
          script,
          step,
          setting,
          runOf({ phase: phase.name, element: script.element, script: script.name }),
          reports,
        ),
    });
  };
  return runOf({ phase: phase.name, element: "-", script: "-" });
}

/** A shell script as a step: a process of its own, in the chroot or outside as the phase says. */
export function shellStep(path: string): (run: PhaseRun) => Promise<void> {
  return async (run) => {
    await (run.phase.place === "chroot" ? run.target.run(path) : run.run(path));
  };
}

async function perform(
  script: ScriptName,
  step: (run: PhaseRun) => Promise<void> | void,
  setting: PhaseSetting,
  run: PhaseRun,
  reports: ScriptReport[],
): Promise<void> {
  const { ctx, plan } = setting;
  if (script.kind === "typescript" && !isPlanned(script, run, plan)) return;
  ctx.signal.throwIfAborted();
  const ref = { phase: run.phase.name, element: script.element, script: script.name };
  ctx.emit({ type: "script-start", ...ref });
  const started = performance.now();
  let outcome: ScriptReport["outcome"] = "failed";
  try {
    const taken = await ctx.hooks.script.run({ ...script, run });
    if (taken === undefined) await runAndCollect(step, run, setting);
    outcome = taken ?? "done";
  } finally {
    const report: ScriptReport = {
      script: script.name,
      element: script.element,
      kind: script.kind,
      seconds: (performance.now() - started) / 1000,
      outcome,
    };
    reports.push(report);
    ctx.emit({ type: "script-end", ...ref, seconds: report.seconds, outcome });
  }
  const report = reports.at(-1);
  if (report !== undefined) await ctx.hooks.afterScript.run({ ...script, run }, report);
}

/** A script that failed because of what it was to fetch: that says more than its exit code. */
async function runAndCollect(
  step: (run: PhaseRun) => Promise<void> | void,
  run: PhaseRun,
  setting: PhaseSetting,
): Promise<void> {
  try {
    await step(run);
  } catch (error) {
    await collectFetches(setting, error);
    throw error;
  }
  await collectFetches(setting);
}

/** A `plan` tap may have taken the step out. */
const isPlanned = (script: ScriptName, run: PhaseRun, plan: PhaseSetting["plan"]): boolean =>
  plan.phases.some(
    ({ phase, scripts }) =>
      phase === run.phase.name &&
      scripts.some(({ name, element }) => name === script.name && element === script.element),
  );

async function checkResult(
  result: ExecResult,
  ref: ScriptRef,
  { output, ctx, workspace }: PhaseSetting,
): Promise<void> {
  if (result.exitCode === 0) return;
  ctx.signal.throwIfAborted();
  const tail = output.tail(ref);
  const failure = new BuildError("SCRIPT_FAILED", {
    script: ref.script,
    element: ref.element,
    phase: ref.phase,
    exitCode: result.exitCode,
    signal: result.signal,
    tail: tail || result.stderr.trim(),
  });
  if (saysNoSpace(tail) || (await isFull(workspace.buildDir))) {
    throw new BuildError(
      "SPACE_EXHAUSTED",
      { path: workspace.buildDir, doing: `running ${ref.phase}.d/${ref.script}` },
      { cause: failure },
    );
  }
  throw readAptFailure(output.ending(ref), failure) ?? failure;
}
