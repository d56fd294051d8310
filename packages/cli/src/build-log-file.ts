/** Where the full output of a build's scripts is kept. */
import { open, readdir, rm } from "node:fs/promises";
import { basename, join, resolve } from "node:path";
import { BuildError, makeFolders, type BuildConfig } from "@dibjs/core";

const keptLogs = 20;

/** A build of yesterday has ended. */
const keptMs = 24 * 60 * 60 * 1000;

/** Absolute: `--logfile`, else a new file in the cache's `logs`, of which the newest twenty stay, and those of a day. Throws OUTPUT_UNWRITABLE. */
export async function chooseLogFile(config: BuildConfig, given: string | undefined, now = new Date()): Promise<string> {
  const file = given === undefined ? await nextLog(config, now) : resolve(config.cwd, given);
  await openLog(file, config.caller).catch((error: Error) => {
    throw unwritable(file, given === undefined ? "--image-cache" : "--logfile", error);
  });
  return file;
}

/** A new file is the caller's; one that was there, or a device, stays whose it is. */
async function openLog(file: string, { uid, gid }: BuildConfig["caller"]): Promise<void> {
  const made = await open(file, "ax", 0o600).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== "EEXIST") throw error;
  });
  if (made !== undefined && process.getuid?.() === 0) await made.chown(uid, gid);
  const handle = made ?? (await open(file, "a", 0o600));
  await handle.close();
}

async function nextLog({ cacheDir, output, caller }: BuildConfig, now: Date): Promise<string> {
  const folder = join(cacheDir, "logs");
  await makeFolders(folder, caller).catch((error: Error) => {
    throw unwritable(folder, "--image-cache", error);
  });
  const old = (await readdir(folder)).filter((name) => name.endsWith(".log"));
  const byTime = old.sort((a, b) => (stampOf(a) < stampOf(b) ? -1 : 1));
  const yesterday = stampAt(new Date(now.getTime() - keptMs));
  for (const name of byTime.slice(0, Math.max(0, byTime.length - keptLogs + 1)))
    if (stampOf(name) < yesterday) await rm(join(folder, name), { force: true });
  return join(folder, `${basename(output)}-${stampAt(now)}.log`);
}

const stampAt = (time: Date): string => time.toISOString().replace(/[-:]|\.\d+Z$/g, "");

const stampOf = (name: string): string => /-(\d{8}T\d{6})\.log$/.exec(name)?.[1] ?? "";

const unwritable = (path: string, setting: string, error: Error) =>
  new BuildError("OUTPUT_UNWRITABLE", { path, setting, reason: error.message }, { cause: error });
