/** The worker's table of contents: everything after the plan, from the workspace to the staged outputs. */
import type { BuildContext } from "../context.js";
import { exportDisk, exportTree, joinExported } from "../formats/export.js";
import { SourceRecord } from "../fetch/sources.js";
import { checkGathered } from "../lock/policy.js";
import type { PhaseForecast } from "../layers/forecast.js";
import { findPublished, notePublished, type Published } from "../layers/up-to-date.js";
import { writeLockedLists } from "../phases/fetch-log.js";
import type { ScriptOutput } from "../phases/script-output.js";
import type { BuildPlaces, BuildPlan } from "../plan/plan.js";
import { masker, secretTexts } from "../mask.js";
import type { BuildReport } from "../report/report.js";
import { Stopwatch } from "../report/stopwatch.js";
import { openCache } from "../workspace/cache.js";
import { generateHooks } from "../workspace/hook-tree.js";
import { openJournal, sweepDeadBuilds } from "../workspace/journal.js";
import { ResourceStack } from "../workspace/resource-stack.js";
import { SideFiles } from "../workspace/side-files.js";
import { SideFolders } from "../workspace/side-folders.js";
import { openStaging, stagingFolder } from "../workspace/staging.js";
import { newBuildId, openWorkspace, workFolders } from "../workspace/workspace.js";
import { tapBreakPoints, type OpenShell } from "./break-points.js";
import { runExtraUnmount } from "./extra-unmount.js";
import { finishOnDisk, finishOnTree } from "./finish.js";
import { sortSideFiles } from "./boot-files.js";
import { TreeBuild, type TreeSetting } from "./tree.js";
import type { WorkerResult } from "./protocol.js";
import { setUpWorker } from "./set-up.js";
import { sudoStandIn } from "./sudo.js";

export interface WorkerBuild {
  readonly plan: BuildPlan;
  readonly places: BuildPlaces;
  readonly output: ScriptOutput;
  readonly openShell: OpenShell;
  /** Hands the outputs to the front, and resolves with what it has published. */
  readonly publish: (result: WorkerResult) => Promise<Published | undefined>;
  readonly tellUpToDate: (report: BuildReport) => void;
  readonly ctx: BuildContext;
}

/** Makes the outputs. Their folder, and the journal that names it, stay until the front has published them or given up. */
export async function runBuild(build: WorkerBuild): Promise<void> {
  const { plan, places, ctx } = build;
  const stopwatch = new Stopwatch();
  await stopwatch.time("sweep", () => sweepDeadBuilds(ctx));
  await using held = new ResourceStack();
  const id = newBuildId();
  const { buildDir, imageDir } = workFolders(id, places);
  const folders = [...(plan.settings.keep ? [] : [buildDir, imageDir]), stagingFolder(id, places.output)];
  await openJournal({ id, folders }, held, ctx);
  const staging = stagingFolder(id, places.output);
  let isOpen = false;
  const open = async () => {
    if (!isOpen) await openStaging(id, places, held);
    isOpen = true;
  };
  const made = await makeOutputs(build, { id, staging, openStaging: open, stopwatch });
  if ("upToDate" in made) return build.tellUpToDate(made.upToDate);
  const published = await build.publish(made.result);
  if (published !== undefined && made.key !== undefined)
    await notePublished(places, made.key, published).catch(() => undefined); // then the next build makes it again
}

interface Prepared {
  readonly id: string;
  /** Absolute: the folder of the outputs. */
  readonly staging: string;
  /** Makes it, if it is not there: a build that is up to date needs none. */
  readonly openStaging: () => Promise<void>;
  readonly stopwatch: Stopwatch;
}

/** `key` tells the outputs from others of the same name; undefined when they can't be known again. */
type Made = { readonly upToDate: BuildReport } | { readonly result: WorkerResult; readonly key: string | undefined };

/** Everything up to the phases: elements, work folders, hooks. */
async function prepareWorkspace(
  { plan, places, output, openShell, ctx }: WorkerBuild,
  { id, staging, openStaging, stopwatch }: Prepared,
): Promise<TreeSetting> {
  const breakShell = tapBreakPoints(plan, openShell, ctx);
  await stopwatch.time("elements", () => setUpWorker(plan, places, ctx));
  await using unfinished = new ResourceStack();
  const workspace = await stopwatch.time("workspace", () => openWorkspace(id, plan, places, ctx));
  unfinished.defer("the workspace", async () => workspace[Symbol.asyncDispose]());
  await openCache(places, workspace.resources, ctx);
  workspace.resources.defer("cleanup hooks", () => ctx.hooks.cleanup.run(workspace));
  await ctx.hooks.workspace.run(workspace);
  const owners = await stopwatch.time("generateHooks", () => generateHooks(workspace.hooksDir, plan, places, ctx));
  await writeLockedLists(workspace.hooksDir, places);
  const mask = masker(secretTexts(places));
  const setting = {
    ...{ plan, places, workspace, owners, output, breakShell, openStaging, ctx, stopwatch },
    sources: new SourceRecord({ locked: places.lock, mask, emit: ctx.emit }),
    sideFolders: new SideFolders(staging, places),
    sideFiles: new SideFiles(staging, places),
    pathPrefix: await sudoStandIn(places.path),
  };
  unfinished.move(); // from here on it is the caller's
  return setting;
}

/** What a build would restore, and what it would run. */
export async function forecastBuild(build: WorkerBuild): Promise<readonly PhaseForecast[]> {
  const id = newBuildId();
  await using held = new ResourceStack();
  const { buildDir, imageDir } = workFolders(id, build.places);
  await openJournal({ id, folders: [buildDir, imageDir] }, held, build.ctx);
  const prepared = { id, staging: "", openStaging: async () => {}, stopwatch: new Stopwatch() };
  const setting = await prepareWorkspace(build, prepared);
  await using _workspace = setting.workspace;
  await using phases = await TreeBuild.open(setting);
  return await phases.forecast();
}

async function makeOutputs(build: WorkerBuild, prepared: Prepared): Promise<Made> {
  const setting = await prepareWorkspace(build, prepared);
  await using workspace = setting.workspace;
  workspace.resources.defer("EXTRA_DETACH and EXTRA_UNMOUNT", () => runExtraUnmount(setting));
  await using phases = await TreeBuild.open(setting);
  try {
    return await makeFrom(phases, setting, prepared);
  } catch (error) {
    await phases.checkUsed(); // what was made of something that is gone fails in any way
    throw error;
  }
}

async function makeFrom(phases: TreeBuild, setting: TreeSetting, { staging, stopwatch }: Prepared): Promise<Made> {
  const { plan, places, workspace, openStaging, ctx } = setting;
  await phases.passAll();
  const key = await phases.outputsKey();
  const published = key === undefined || !phases.isRestored ? undefined : await findPublished(places, key);
  if (published !== undefined) return { upToDate: published };
  await openStaging();
  await using tree = await phases.move();
  await using finished =
    plan.disk === undefined ? await finishOnTree(tree, setting) : await finishOnDisk(plan.disk, tree, setting);
  const { sources } = setting;
  const gathered = { files: sources.files, git: sources.commits, apt: tree.aptSuites };
  checkGathered(places.lock, { sources: gathered, packages: finished.packages });

  const formats = { plan, staging, ctx, stopwatch };
  const exported = await exportTree({ ...formats, root: workspace.mountDir });
  const stillUsed = phases.checkUsed(); // nothing reads the trees any more
  stillUsed.catch(() => undefined); // told below
  await finished.disk?.unmount();
  const { disk: unmounted, changed, keep } = finished;
  const exportedDisk =
    unmounted === undefined
      ? []
      : [await exportDisk({ ...formats, ...(changed === undefined ? { image: unmounted.image } : { changed }) })];
  if (changed !== undefined) await phases.checkUsed("block-device"); // it was read until now
  const [output] = exportedDisk.flatMap(({ files }) => files);
  if (output !== undefined) keep?.(output.staged);
  const { files, folders, finish } = joinExported([exported, ...exportedDisk]);
  setting.sideFolders.addOutputs(folders, places.output);
  const sideFolders = await setting.sideFolders.settle(ctx);
  const { bootFiles, others } = await sortSideFiles(setting.sideFiles.files, { plan, places });
  await stillUsed;
  for (const act of finish) await act();

  const { reports, packages, disk } = finished;
  const peakBytes = process.resourceUsage().maxRSS * 1024;
  const result = {
    staging,
    staged: [...files, ...bootFiles],
    sideFolders,
    sideFiles: others,
    phases: [...tree.reports, ...reports],
    stages: stopwatch.seconds,
    disk: disk?.report,
    sources: gathered,
    packages,
    peakBytes,
  };
  return { result, key };
}
