/**
 * When nothing of a build has changed and its outputs are as they were published, there is nothing to do. What was published is
 * noted in the store of layers, by the output's path, once all of it has its names.
 */
import { mkdir, readFile, rename, stat, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { canonicalJson, planDigest, sha256 } from "../plan/digest.js";
import type { BuildPlaces, BuildPlan } from "../plan/plan.js";
import type { BuildReport } from "../report/report.js";
import { formatSealed, parseSealed } from "./sealed-json.js";
import { layersFolder } from "./store.js";

/** What the front has published: every path, and its report. */
export interface Published {
  readonly paths: readonly string[];
  readonly report: BuildReport;
}

interface OutputsRecord {
  readonly key: string;
  /** Path → what the file system says of it. */
  readonly stamps: Readonly<Record<string, string>>;
  readonly report: BuildReport;
}

/** Of all that the outputs depend on. `result` is the digest of what the last tree phase has made. */
export const outputsKey = (
  plan: BuildPlan,
  places: BuildPlaces,
  { result, engine }: { readonly result: string; readonly engine: string },
): string =>
  sha256(
    canonicalJson({
      plan: planDigest(plan),
      result,
      engine,
      secrets: places.secrets,
      args: places.args,
      env: places.dibEnv,
      plugins: places.plugins,
    }),
  );

/** Undefined unless the outputs are there, made from the same, and nobody has touched them. */
export async function findPublished(places: BuildPlaces, key: string): Promise<BuildReport | undefined> {
  const text = await readFile(recordFile(places), "utf8").catch(() => undefined);
  const record = text === undefined ? undefined : parseSealed<OutputsRecord>(text);
  if (record?.key !== key) return undefined;
  for (const [path, stamp] of Object.entries(record.stamps)) if ((await stampOf(path)) !== stamp) return undefined;
  return record.report;
}

export async function notePublished(places: BuildPlaces, key: string, { paths, report }: Published): Promise<void> {
  const stamps: Record<string, string> = {};
  for (const path of paths) stamps[path] = (await stampOf(path)) ?? "gone";
  const file = recordFile(places);
  await mkdir(dirname(file), { recursive: true, mode: 0o700 });
  const record: OutputsRecord = { key, stamps, report };
  await writeFile(`${file}.new`, formatSealed(record));
  await rename(`${file}.new`, file);
}

const recordFile = (places: BuildPlaces): string =>
  join(layersFolder(places), "outputs", `${sha256(places.output)}.json`);

/** Of a folder only that it is there: what is in it is of scripts, and others may add to it. */
async function stampOf(path: string): Promise<string | undefined> {
  const found = await stat(path, { bigint: true }).catch(() => undefined);
  if (found === undefined) return undefined;
  return found.isDirectory() ? `folder ${found.ino}` : `${found.ino} ${found.size} ${found.mtimeNs} ${found.ctimeNs}`;
}
