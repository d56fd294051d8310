import { chmod, chown, lstat, readFile, rmdir, stat, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import type { BuildContext } from "../context.js";
import { BuildError, isBuildError, reasonOf } from "../errors.js";
import type { StagedFile } from "../formats/export.js";
import { outOfSpace } from "../out-of-space.js";
import type { Published } from "../layers/up-to-date.js";
import type { BuildPlaces, BuildPlan } from "../plan/plan.js";
import type { Artifact, BuildReport } from "../report/report.js";
import type { Hashing } from "./hashing.js";
import { makeFolders } from "../workspace/make-folders.js";
import type { SideFile } from "../workspace/side-files.js";
import { syncPath } from "../workspace/sync-path.js";
import type { SideFolder } from "../workspace/side-folders.js";
import { keptName, replaceFiles, syncTree, type Replacement } from "./replace-files.js";

/** Whose conventions hold for what lies beside the images. */
export type Conventions = "dibjs" | "dib";

export interface PublishRequest {
  readonly plan: Pick<BuildPlan, "output" | "checksums" | "result" | "settings">;
  readonly places: Pick<BuildPlaces, "output" | "caller">;
  /** Absolute: the folder beside the output that all staged files lie in. */
  readonly staging: string;
  readonly staged: readonly StagedFile[];
  /** In that folder, too. */
  readonly sideFolders: readonly SideFolder[];
  /** There, too. Each replaces what has its name, as if the script had written there. */
  readonly sideFiles: readonly SideFile[];
  readonly conventions?: Conventions | undefined;
  /** May have begun when each file was whole. */
  readonly hashing: Hashing;
  readonly describe: (artifacts: readonly Artifact[]) => BuildReport;
  readonly ctx: Pick<BuildContext, "emit" | "signal">;
}

/**
 * Gives the staged files their names: hashed and synced first, then sums, report, folders and images renamed, images last.
 * Old images are kept aside under a name with the time unless the plan overwrites them. Throws BUILD_INTERRUPTED (until the
 * first rename), PUBLISH_FAILED and SPACE_EXHAUSTED with all as it was.
 */
export async function publishBuild(request: PublishRequest): Promise<Published> {
  try {
    const published = await publish(request);
    for (const artifact of published.report.artifacts) request.ctx.emit({ type: "artifact", artifact });
    return published;
  } catch (error) {
    throw failureOf(error, request);
  }
}

async function publish(request: PublishRequest): Promise<Published> {
  const { plan, places, staging, staged, sideFolders, sideFiles, ctx } = request;
  const prepared: Prepared[] = [];
  for (const file of staged) prepared.push(await prepare(file, request));
  const images = prepared.filter(({ isOfElement }) => !isOfElement);
  const asides = plan.settings.overwriteOldImage ? [] : await prepareAsides(images, request, new Date());
  const common = await sumTogether(prepared, request);
  const stale = (await Promise.all(prepared.map(staleSums))).flat();
  const sums = [...[...asides, ...prepared].flatMap((part) => part.sums), ...common];
  const outputs = prepared.map(({ image }) => ({
    ...image,
    keepAs: asides.find(({ target }) => target === image.target)?.keepAs,
  }));
  const report = request.describe(prepared.map(({ artifact }) => artifact));
  const folders = await Promise.all(sideFolders.map((folder) => keepOld(folder, plan.settings)));
  const written = request.conventions === "dib" ? [] : [await writeReport(report, request)];
  for (const { staged: path } of [...sideFiles, ...sideFolders]) if (path !== undefined) await syncTree(path);
  ctx.signal.throwIfAborted();
  const around = sideFolders.map(({ target }) => dirname(target));
  const replaced = [...stale, ...sideFiles, ...sums, ...written, ...folders, ...outputs];
  await inFolders(around, places.caller, () => replaceFiles(replaced, staging));
  for (const { keepAs } of asides)
    ctx.emit({ type: "note", level: "info", text: `Old image found. Renaming it to ${shownName(keepAs, request)}` });
  return { report, paths: replaced.flatMap(({ staged, target }) => (staged === undefined ? [] : [target])) };
}

async function keepOld(
  { staged, target, isOutput = false }: SideFolder,
  { overwriteOldImage }: PublishRequest["plan"]["settings"],
): Promise<Replacement> {
  const isKept = isOutput && !overwriteOldImage && (await isThere(target));
  return { staged, target, ...(isKept ? { keepAs: await freeName(target, new Date()) } : {}) };
}

/** Makes what is missing of the folders; when the action fails, that goes again. */
async function inFolders(
  folders: readonly string[],
  caller: BuildPlaces["caller"],
  act: () => Promise<void>,
): Promise<void> {
  const made: string[] = [];
  try {
    for (const folder of folders) made.push(...(await makeFolders(folder, caller)));
    await act();
  } catch (error) {
    for (const folder of made.reverse()) await rmdir(folder).catch(() => undefined); // the first failure says more
    throw error;
  }
}

function failureOf(error: unknown, { places, ctx: { signal } }: PublishRequest): unknown {
  const cause = outOfSpace(error, { path: places.output, doing: "publishing" });
  if (isBuildError(cause)) return cause;
  if (signal.aborted)
    return new BuildError("BUILD_INTERRUPTED", { signal: String(signal.reason), stage: "publishing" });
  return new BuildError("PUBLISH_FAILED", { path: places.output, reason: reasonOf(cause) }, { cause });
}

/** `NAME.report.json` beside the image. */
async function writeReport(report: BuildReport, { places, staging }: PublishRequest): Promise<Replacement> {
  const target = `${places.output}.report.json`;
  const staged = join(staging, basename(target));
  await writeFile(staged, `${JSON.stringify(report, undefined, 2)}\n`);
  await own(staged, places.caller);
  return { staged, target };
}

interface Prepared {
  readonly artifact: Artifact;
  readonly image: Replacement;
  readonly isOfElement: boolean;
  readonly sums: readonly Replacement[];
}

const sumAlgorithms = ["md5", "sha256"];

/** What to hash outputs with: the report tells sha256 in any case. */
export const digestAlgorithms = ({ checksums }: PublishRequest["plan"]): readonly string[] =>
  sumAlgorithms.filter((algorithm) => algorithm === "sha256" || checksums.includes(algorithm));

async function prepare(
  { format, staged, extension, isOfElement = false }: StagedFile,
  request: PublishRequest,
): Promise<Prepared> {
  const { plan, hashing } = request;
  const { output, caller } = request.places;
  const path = `${output}.${extension}`;
  const wanted = isOfElement ? [] : wantedSums(plan);
  const digests = await hashing.digestsOf(staged);
  await own(staged, caller);
  const sums: Replacement[] = [];
  for (const algorithm of wanted) {
    const sum = { staged: `${staged}.${algorithm}`, target: `${path}.${algorithm}` };
    await writeSum(sum.staged, digests[algorithm] ?? "", nameInSum(path, request), caller);
    sums.push(sum);
  }
  const { size: sizeBytes } = await stat(staged);
  const artifact = { format, path, sizeBytes, digests, sideFiles: sums.map(({ target }) => target) };
  return { artifact, image: { staged, target: path }, isOfElement, sums };
}

const wantedSums = ({ checksums }: PublishRequest["plan"]): readonly string[] =>
  sumAlgorithms.filter((algorithm) => checksums.includes(algorithm));

/**
 * Where kernel and initramfs are the result, `NAME.sha256` has a line for each. An element that takes them out of the
 * image may have written it already.
 */
async function sumTogether(prepared: readonly Prepared[], request: PublishRequest): Promise<Replacement[]> {
  const { plan, places, staging, sideFiles } = request;
  const files = prepared.filter(({ isOfElement }) => isOfElement).map(({ artifact }) => artifact);
  if (plan.result === "image" || files.length === 0) return [];
  const sums: Replacement[] = [];
  for (const algorithm of sumAlgorithms) {
    const target = `${places.output}.${algorithm}`;
    if (sideFiles.some((file) => file.target === target)) continue;
    const isWanted = wantedSums(plan).includes(algorithm);
    const staged = isWanted ? join(staging, basename(target)) : undefined;
    if (staged === undefined && !(await isThere(target))) continue;
    if (staged !== undefined) {
      const lines = files.map(({ digests, path }) => sumLine(digests[algorithm] ?? "", nameInSum(path, request)));
      await writeFile(staged, lines.join(""));
      await own(staged, places.caller);
    }
    sums.push({ staged, target });
  }
  return sums;
}

/** In the folder that was asked for, as it was written. */
const shownName = (path: string, { plan: { output } }: Pick<PublishRequest, "plan">): string =>
  output.slice(0, output.lastIndexOf("/") + 1) + basename(path);

/** Sums are checked where the image lies; diskimage-builder's, where it was built. */
const nameInSum = (path: string, request: Pick<PublishRequest, "plan" | "conventions">): string =>
  request.conventions === "dib" ? shownName(path, request) : basename(path);

/** As md5sum and sha256sum write it. */
const sumLine = (digest: string, name: string): string => `${digest}  ${name}\n`;

async function writeSum(path: string, digest: string, name: string, caller: BuildPlaces["caller"]): Promise<void> {
  await writeFile(path, sumLine(digest, name));
  await own(path, caller);
}

/** The worker's umask is the same for everybody; who may read what is made is the caller's to say. */
async function own(path: string, { uid, gid }: BuildPlaces["caller"]): Promise<void> {
  const found = await stat(path);
  if (found.uid !== uid || found.gid !== gid) await chown(path, uid, gid);
  await chmod(path, 0o666 & ~process.umask());
  await syncPath(path);
}

/** An old image and the name that it is kept under, with its sums written anew: they name the file they are of. */
interface Aside {
  readonly target: string;
  readonly keepAs: string;
  readonly sums: readonly Replacement[];
}

async function prepareAsides(
  prepared: readonly Prepared[],
  request: Pick<PublishRequest, "plan" | "places" | "conventions">,
  now: Date,
): Promise<Aside[]> {
  const asides: Aside[] = [];
  for (const { image } of prepared) {
    if (!(await isThere(image.target))) continue;
    const keepAs = await freeName(image.target, now);
    const sums: Replacement[] = [];
    for (const algorithm of sumAlgorithms) {
      const digest = await readDigest(`${image.target}.${algorithm}`);
      if (digest === undefined) continue;
      const staged = `${image.staged}.old.${algorithm}`;
      await writeSum(staged, digest, nameInSum(keepAs, request), request.places.caller);
      sums.push({ staged, target: `${keepAs}.${algorithm}` });
    }
    asides.push({ target: image.target, keepAs, sums });
  }
  return asides;
}

/** Two builds may end within one second. */
async function freeName(target: string, now: Date): Promise<string> {
  for (let time = now.getTime(); ; time += 1000) {
    const name = keptName(target, new Date(time));
    if (!(await isThere(name))) return name;
  }
}

async function readDigest(sumFile: string): Promise<string | undefined> {
  const isFile = (await lstat(sumFile).catch(() => undefined))?.isFile() === true;
  return isFile ? /^[0-9a-f]{32,}(?=\s)/.exec(await readFile(sumFile, "utf8"))?.[0] : undefined;
}

/** Sums of an earlier image that this build writes no successor for would be wrong from now on. */
async function staleSums({ image, sums }: Prepared): Promise<Replacement[]> {
  const candidates = sumAlgorithms
    .map((algorithm) => `${image.target}.${algorithm}`)
    .filter((file) => !sums.some(({ target }) => target === file));
  const present = await Promise.all(
    candidates.map(async (target) => ((await isThere(target)) ? [{ staged: undefined, target }] : [])),
  );
  return present.flat();
}

const isThere = async (path: string): Promise<boolean> => (await lstat(path).catch(() => undefined)) !== undefined;
