/** The front's table of contents: from a config to published files. The worker's is worker/main.ts. */
import { randomUUID } from "node:crypto";
import { rm } from "node:fs/promises";
import { basename, join } from "node:path";
import { pathExists } from "fs-extra/esm";
import type { BuildConfig } from "./config/schema.js";
import type { BuildContext } from "./context.js";
import { layersFolder } from "./layers/store.js";
import type { PhaseForecast } from "./layers/forecast.js";
import { secretTexts } from "./mask.js";
import { BuildError, isBuildError, reasonOf } from "./errors.js";
import { createHooks, facadeOf, type ElementHooks } from "./hooks.js";
import { openBuildLock, type LockMode } from "./lock/policy.js";
import { checkHost } from "./plan/check-host.js";
import { planDigest } from "./plan/digest.js";
import type { BuildPlaces, BuildPlan } from "./plan/plan.js";
import { preparePlan, type PreparedPlan } from "./plan/prepare.js";
import { createExec } from "./process/exec.js";
import { lockOutput } from "./publish/lock-output.js";
import { Hashing } from "./publish/hashing.js";
import { digestAlgorithms, publishBuild, type Conventions } from "./publish/publish.js";
import { openBuildLog } from "./report/build-log.js";
import type { BuildEvent } from "./report/events.js";
import type { Artifact, BuildReport } from "./report/report.js";
import { assembleReport } from "./report/assemble.js";
import { launchForecast, launchWorker } from "./worker/launch.js";
import type { OutputFrame, WorkerResult } from "./worker/protocol.js";
import type { ShellRequest } from "./worker/shell-request.js";

export interface BuildOptions {
  /** Taps of the caller for hooks that run in the front; worker hooks are tapped by module paths in `config.plugins`. */
  readonly tap?: (hooks: ElementHooks) => void;
  readonly onEvent?: (event: BuildEvent) => void;
  /** Opens a shell for the user at a break point and resolves when it has ended. */
  readonly onBreak?: (request: ShellRequest) => Promise<void>;
  /** Aborting it interrupts the build; the reason is the signal's name. */
  readonly signal?: AbortSignal;
  /** Absolute path that the full output of all scripts is appended to. */
  readonly logFile?: string;
  /**
   * What is published beside the images. `dib`: no report, and checksum files name the images as they were asked for,
   * since those who clean up after diskimage-builder know its files only. @default dibjs
   */
  readonly conventions?: Conventions;
  /** What `dib.lock` means to this build. @default nothing: it is neither read nor written */
  readonly lock?: LockMode | undefined;
}

/** Everything up to the plan; touches nothing. */
export async function planImage(config: BuildConfig, options: BuildOptions = {}): Promise<PreparedPlan> {
  return preparePlan(config, createContext(options));
}

/** What a build of the plan would take from earlier builds, phase by phase, and why it would run the others; empty where no build has kept anything. */
export async function forecastImage(
  { plan, places }: Pick<PreparedPlan, "plan" | "places">,
  { signal = new AbortController().signal }: Pick<BuildOptions, "signal"> = {},
): Promise<readonly PhaseForecast[]> {
  const hasStore = await pathExists(layersFolder(places));
  return hasStore ? launchForecast(plan, places, { signal }) : []; // nothing is made for a look
}

/** One build, top to bottom. Publishes all of it or nothing. */
export async function buildImage(config: BuildConfig, options: BuildOptions = {}): Promise<BuildReport> {
  const ctx = createContext(options);
  const startedAt = new Date();
  try {
    const prepared = await preparePlan(config, ctx);
    const { places } = prepared;
    const plan = options.lock === "update" ? { ...prepared.plan, outputs: [] } : prepared.plan;
    announce(plan, prepared.notes, ctx);
    const buildLock = await openBuildLock(options.lock, prepared, ctx);
    await checkHost(plan, places);
    throwIfInterrupted(ctx.signal, "plan");

    await using lock = await lockOutput(places, ctx);
    await using log = await openBuildLog(options.logFile, secretTexts(places), ctx.emit);
    using hashing = new Hashing(digestAlgorithms(plan), ctx.signal);
    const listener = {
      onEvent(event: BuildEvent) {
        if (event.type === "format") for (const file of event.files) void hashing.start(file);
        ctx.emit(event);
      },
      onOutput: (frame: OutputFrame) => log.write(frame),
      onBreak: options.onBreak ?? (async () => {}),
      onDone(result: WorkerResult) {
        const describe = (artifacts: readonly Artifact[]) => assembleReport({ plan, result, artifacts, startedAt });
        return publishBuild({ plan, places, ...result, conventions: options.conventions, hashing, describe, ctx });
      },
      onUpToDate(of: BuildReport) {
        ctx.emit({ type: "up-to-date", since: of.startedAt });
        return { report: of, paths: [] };
      },
    };
    const own = { lock: buildLock.required, alwaysMakes: options.conventions === "dib" };
    const { report, paths } = await launchAgainIfLost(
      (layers) => launchWorker(plan, { ...places, ...own, layers }, listener, ctx),
      places,
      ctx,
    );
    await buildLock.settle(report);
    for (const artifact of report.artifacts.filter(({ path }) => paths.includes(path)))
      await ctx.hooks.artifact.run(artifact);
    await ctx.hooks.done.run(report);
    ctx.emit({ type: "done", seconds: report.seconds });
    return report;
  } catch (error) {
    await tellFailure(error, ctx);
    throw error;
  }
}

/**
 * Writes an image's entry of `dib.lock` anew from a build of all but the outputs: it goes the whole way, since the last
 * phases may install and remove packages, too. What elements put beside the image goes with the scratch folder; what they
 * are told to put elsewhere (DIB_MANIFEST_SAVE_DIR) is there.
 */
export async function updateLock(config: BuildConfig, options: Omit<BuildOptions, "lock"> = {}): Promise<BuildReport> {
  const scratch = join(config.tmpDir, `dib-lock-${randomUUID()}`);
  try {
    const output = join(scratch, basename(config.output));
    return await buildImage({ ...config, output }, { ...options, lock: "update" });
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

function announce(plan: BuildPlan, notes: readonly string[], { emit }: BuildContext): void {
  for (const text of notes) emit({ type: "note", level: "warning", text });
  emit({
    type: "expanded",
    elements: plan.elements.map(({ name, version }) => ({ name, version })),
    asked: plan.asked,
  });
  emit({
    type: "planned",
    digest: planDigest(plan),
    phases: plan.phases.map(({ phase, scripts }) => ({ phase, scripts: scripts.length })),
  });
}

/** A tap that fails when it is told is noted, and hides nothing: the build's failure is what the caller gets. */
async function tellFailure(error: unknown, { emit, hooks }: BuildContext): Promise<void> {
  try {
    emit({ type: "failed", code: isBuildError(error) ? error.code : "INTERNAL", message: reasonOf(error) });
    await hooks.failed.run(error instanceof Error ? error : new Error(reasonOf(error)));
  } catch (failure) {
    try {
      emit({ type: "note", level: "warning", text: reasonOf(failure) });
    } catch {
      // It is the tap of events that fails: there is nobody to tell.
    }
  }
}

/** A layer that somebody removed or changed while the build stood on it: all that was made of it is given up, and made anew. */
async function launchAgainIfLost<T>(
  launch: (layers: BuildPlaces["layers"]) => Promise<T>,
  { layers }: BuildPlaces,
  { emit }: BuildContext,
): Promise<T> {
  try {
    return await launch(layers);
  } catch (error) {
    if (!isBuildError(error) || error.code !== "LAYER_LOST") throw error;
    emit({ type: "note", level: "warning", text: `${error.message} The build begins again, without layers.` });
    return launch("refresh");
  }
}

/** The worker's own answer to an abort comes through the channel; this is for the time before it. */
function throwIfInterrupted(signal: AbortSignal, stage: string): void {
  if (signal.aborted) throw new BuildError("BUILD_INTERRUPTED", { signal: String(signal.reason), stage });
}

function createContext({ tap, onEvent, signal = new AbortController().signal }: BuildOptions): BuildContext {
  const hooks = createHooks();
  tap?.(facadeOf(hooks, "caller", Number.MAX_SAFE_INTEGER));
  const emit = (event: BuildEvent) => {
    hooks.event.call(event);
    onEvent?.(event);
  };
  return { hooks, exec: createExec(), signal, emit };
}
