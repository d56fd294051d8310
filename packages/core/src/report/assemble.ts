import { planDigest } from "../plan/digest.js";
import type { BuildPlan } from "../plan/plan.js";
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
