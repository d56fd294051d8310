/** Where the full output of a build's scripts is kept. */
import { chown, open, readdir, rm } from "node:fs/promises";
import { basename, join, resolve } from "node:path";
import { BuildError, makeFolders, type BuildConfig } from "@dibjs/core";

const keptLogs = 20;

/** Absolute: `--logfile`, else a new file in the cache's `logs`, of which the newest twenty stay. Throws OUTPUT_UNWRITABLE. */
export async function chooseLogFile(config: BuildConfig, given: string | undefined, now = new Date()): Promise<string> {
  const file = given === undefined ? await nextLog(config, now) : resolve(config.cwd, given);
  const handle = await open(file, "a", 0o600).catch((error: Error) => {
    throw unwritable(file, given === undefined ? "--image-cache" : "--logfile", error);
  });
  await handle.close();
  if (process.getuid?.() === 0) await chown(file, config.caller.uid, config.caller.gid);
  return file;
}

async function nextLog({ cacheDir, output, caller }: BuildConfig, now: Date): Promise<string> {
  const folder = join(cacheDir, "logs");
  await makeFolders(folder, caller).catch((error: Error) => {
    throw unwritable(folder, "--image-cache", error);
  });
  const stamp = now.toISOString().replace(/[-:]|\.\d+Z$/g, "");
  const old = (await readdir(folder)).filter((name) => name.endsWith(".log"));
  const byTime = old.sort((a, b) => (stampOf(a) < stampOf(b) ? -1 : 1));
  for (const name of byTime.slice(0, Math.max(0, byTime.length - keptLogs + 1)))
    await rm(join(folder, name), { force: true });
  return join(folder, `${basename(output)}-${stamp}.log`);
}

const stampOf = (name: string): string => /-(\d{8}T\d{6})\.log$/.exec(name)?.[1] ?? "";

const unwritable = (path: string, setting: string, error: Error) =>
  new BuildError("OUTPUT_UNWRITABLE", { path, setting, reason: error.message }, { cause: error });
