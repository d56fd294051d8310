import { chown, rename, rm, writeFile } from "node:fs/promises";
import { BuildError, reasonOf } from "../errors.js";
import { outOfSpace } from "../out-of-space.js";
import { planDigest } from "../plan/digest.js";
import type { BuildPlaces, BuildPlan } from "../plan/plan.js";
import type { WorkerResult } from "../worker/protocol.js";
import type { Artifact, BuildReport } from "./report.js";

interface ReportParts {
  readonly plan: BuildPlan;
  readonly result: WorkerResult;
  readonly artifacts: readonly Artifact[];
  readonly startedAt: Date;
}

export function assembleReport({ plan, result, artifacts, startedAt }: ReportParts): BuildReport {
  return {
    version: 1,
    image: plan.image,
    arch: plan.arch,
    planDigest: planDigest(plan),
    startedAt: startedAt.toISOString(),
    seconds: (Date.now() - startedAt.getTime()) / 1000,
    elements: plan.elements.map(({ name, version, source, package: from, digest }) => ({
      name,
      version,
      source,
      package: from,
      digest,
    })),
    phases: result.phases,
    stages: result.stages,
    peakBytes: { worker: result.peakBytes, front: process.resourceUsage().maxRSS * 1024 },
    disk: result.disk,
    sources: result.sources,
    packages: result.packages,
    artifacts,
  };
}

/** `NAME.report.json` beside the image; whole or not there. Throws SPACE_EXHAUSTED and PUBLISH_FAILED. */
export async function writeReport(report: BuildReport, { output, caller }: BuildPlaces): Promise<string> {
  const file = `${output}.report.json`;
  const unfinished = `${file}.new`;
  try {
    await writeFile(unfinished, `${JSON.stringify(report, undefined, 2)}\n`);
    await chown(unfinished, caller.uid, caller.gid);
    await rename(unfinished, file);
    return file;
  } catch (error) {
    await rm(unfinished, { force: true });
    const failure = outOfSpace(error, { path: file, doing: "writing the report" });
    if (failure !== error) throw failure;
    throw new BuildError("PUBLISH_FAILED", { path: file, reason: reasonOf(error) }, { cause: error });
  }
}
