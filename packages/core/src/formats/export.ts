import { chown, lstat, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { setInterval } from "node:timers/promises";
import type { BuildContext } from "../context.js";
import { BuildError } from "../errors.js";
import type { BuildPlan, PlannedOutput } from "../plan/plan.js";
import { syncPath } from "../workspace/sync-path.js";
import type { Stopwatch } from "../report/stopwatch.js";
import type { DiskSource, FormatRequest, StagedOutput } from "./format.js";

interface ExportRequest {
  readonly plan: BuildPlan;
  /** Absolute: the folder beside the final place. */
  readonly staging: string;
  readonly stopwatch: Stopwatch;
  readonly ctx: BuildContext;
}

/** A file that waits to be published, and the ending it gets after the image name. */
export interface StagedFile extends StagedOutput {
  readonly format: string;
  /** By a script, not by a format. */
  readonly isOfElement?: boolean;
}

/** What formats wrote. */
export interface Exported {
  readonly files: readonly StagedFile[];
  readonly folders: readonly StagedOutput[];
  /** To be run when all that is to be published is whole. */
  readonly finish: readonly (() => Promise<void>)[];
}

/** Writes the outputs that read the finalised root, in the plan's order. */
export const exportTree = (request: ExportRequest & { readonly root: string }): Promise<Exported> =>
  exportOutputs("tree", request, { root: request.root });

/** Writes the outputs that are made of the disk; one that takes the image away comes last. */
export const exportDisk = ({ image, changed, ...request }: ExportRequest & DiskSource): Promise<Exported> =>
  exportOutputs("disk", request, { root: "", image, changed });

type Source = Pick<FormatRequest, "root" | "image" | "changed">;

async function exportOutputs(from: PlannedOutput["from"], request: ExportRequest, source: Source): Promise<Exported> {
  const exported: Exported[] = [];
  for (const output of inWritingOrder(request.plan.outputs).filter((output) => output.from === from))
    exported.push(await exportOutput(output, request, source));
  return joinExported(exported);
}

export const joinExported = (parts: readonly Exported[]): Exported => ({
  files: parts.flatMap(({ files }) => files),
  folders: parts.flatMap(({ folders }) => folders),
  finish: parts.flatMap(({ finish }) => finish),
});

/** As planned, those that consume the image last. */
export const inWritingOrder = (outputs: readonly PlannedOutput[]): readonly PlannedOutput[] =>
  [...outputs].sort((a, b) => Number(a.consumesImage ?? false) - Number(b.consumesImage ?? false));

async function exportOutput(
  { format, extension }: PlannedOutput,
  { plan, staging, stopwatch, ctx }: ExportRequest,
  source: Source,
): Promise<Exported> {
  ctx.signal.throwIfAborted();
  const { exec, signal } = ctx;
  const request = {
    ...source,
    format,
    plan,
    staged: join(staging, `${basename(plan.output)}.${extension}`),
    exec,
    signal,
    note: (text: string) => ctx.emit({ type: "note", level: "info", text }),
  };
  const started = performance.now();
  await using _writingBack = writeBack(request.staged);
  const result = await stopwatch.time(`format:${format}`, () => ctx.hooks.format.for(format).run(request));
  if (result === undefined) throw new BuildError("FORMAT_FAILED", { format, reason: "nothing implements it" });
  for (const file of result.files) await checkStaged(file.staged, { format, staging, kind: "file" });
  const { folders = [], finish } = result;
  for (const folder of folders) await checkStaged(folder.staged, { format, staging, kind: "folder" });
  const files = result.files.map(({ staged }) => staged);
  ctx.emit({ type: "format", format, seconds: (performance.now() - started) / 1000, files });
  return {
    files: result.files.map((file) => ({ format, ...file })),
    folders,
    finish: finish === undefined ? [] : [finish],
  };
}

const writeBackMs = 300;

/** Sends what is written to the disk while more is being made: publishing waits until all of it is there. */
function writeBack(path: string): AsyncDisposable {
  const stop = new AbortController();
  const repeat = async () => {
    for await (const _ of setInterval(writeBackMs, undefined, { signal: stop.signal }))
      await syncPath(path).catch(() => undefined); // publishing says what can't be written
  };
  const stopped = repeat().catch(() => undefined); // it ends with the signal
  return {
    async [Symbol.asyncDispose]() {
      stop.abort();
      await stopped;
    },
  };
}

/**
 * A format that says it wrote a file has written one, into the folder it was given: what lies elsewhere is somebody
 * else's. It belongs to whom the folder belongs to.
 */
async function checkStaged(
  file: string,
  { format, staging, kind }: { readonly format: string; readonly staging: string; readonly kind: "file" | "folder" },
): Promise<void> {
  if (dirname(file) !== staging)
    throw new BuildError("FORMAT_FAILED", { format, reason: `it names ${file}, which is not in ${staging}` });
  const found = await lstat(file).catch(() => undefined);
  const isWhole = kind === "file" ? found?.isFile() === true && found.size > 0 : found?.isDirectory() === true;
  if (!isWhole) throw new BuildError("ARTIFACT_CHECK_FAILED", { file, reason: "it was not written or is empty" });
  const { uid, gid } = await stat(staging);
  await chown(file, uid, gid);
}
