/** The block-device phase, and the disk that the last phases run on: made of the parked tree, or one that an earlier build has kept. */
import { createDisk, type Disk, type DiskRequest } from "../block-device/create.js";
import { planHandedOver, readHandedOver, type GivenNodes } from "../block-device/handed-over.js";
import { computeImageSize } from "../block-device/sizes.js";
import type { ChangedDisk } from "../formats/format.js";
import { listenForDevice } from "../phases/device-answer.js";
import type { Env } from "../phases/phase-run.js";
import { runPhase, type PhaseSetting } from "../phases/run-phases.js";
import type { PlannedDisk } from "../plan/plan.js";
import type { PhaseReport } from "../report/report.js";
import { blockDevice, createKeepableDisk, openDiskStore, openKeptDisk, type ChangingDisk } from "./kept-disk.js";
import type { BuiltTree } from "./tree.js";

export interface OpenedDisk {
  readonly disk: Disk;
  /** What its output is made of once it is unmounted; undefined where that is `disk.image`. */
  readonly changed?: ChangedDisk | undefined;
  readonly keep?: ChangingDisk["keep"];
  /** DIB_IMAGE_SIZE. */
  readonly sized: Env;
  readonly report: PhaseReport;
}

export async function openDisk(planned: PlannedDisk, tree: BuiltTree, setting: PhaseSetting): Promise<OpenedDisk> {
  const { plan, places, workspace, stopwatch, ctx } = setting;
  const store = await openDiskStore(planned, tree.layers, setting);
  const isAsBefore = tree.reports.every(({ phase, restored }) => restored !== undefined || phase === "extra-data");
  const kept = isAsBefore ? await store?.find() : undefined;
  const imageSizeBytes = kept?.imageSizeBytes ?? (await sizeOf(planned, setting));
  const sized = { DIB_IMAGE_SIZE: String(Math.ceil(imageSizeBytes / 1024)) };
  const prepared = await runBlockDevice(sized, planned, setting);
  const { report } = prepared;
  const request: DiskRequest = {
    ...{ plan, planned: prepared.planned, given: prepared.given, imageSizeBytes, stopwatch, ctx },
    ...{ tree: workspace.builtDir, mountBase: workspace.mountDir, imageDir: workspace.imageDir },
    secrets: places.secrets,
  };
  if (store === undefined) return { disk: await createDisk(request), sized, report };
  const opened = kept === undefined ? undefined : await openKeptDisk(kept, request);
  if (kept === undefined || opened === undefined)
    return { ...(await createKeepableDisk(store.keep, request, workspace)), sized, report };
  const { layer, createdAt } = kept;
  return { ...opened, sized, report: { ...report, restored: { layer, createdAt } } };
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

/** The block-device phase, and what its scripts made in the way that was DIB's before layouts. */
async function runBlockDevice(env: Env, planned: PlannedDisk, setting: PhaseSetting): Promise<AfterBlockDevice> {
  const listener = listenForDevice(setting.output);
  const root = { env, resolvConf: undefined };
  const report = await runPhase(blockDevice, root, { ...setting, output: listener.output });
  const answer = listener.answer();
  const { workspace, ctx } = setting;
  if (answer === undefined) return { report, given: undefined, planned };
  const given = await readHandedOver(answer, workspace.imageDir, planned, ctx.exec);
  return { report, given, planned: planHandedOver(planned, given, answer, ctx.emit) };
}
