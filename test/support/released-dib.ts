import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { createExec, mustRun } from "@dibjs/core/process/exec.js";
import { cacheFolder } from "./cache-folder.js";
import { lockFile } from "./file-lock.js";

const exec = createExec();
const kept = join(cacheFolder, "released-dib");
const elements = "usr/lib/python3/dist-packages/diskimage_builder/elements";

/** The folder of elements of the diskimage-builder that the host's distribution has; taken out of its package, not installed. */
export async function releasedElements(): Promise<string> {
  await using _lock = await lockFile(`${kept}.lock`);
  if (!existsSync(kept)) await fetchPackage();
  return join(kept, elements);
}

async function fetchPackage(): Promise<void> {
  const folder = mkdtempSync(`${kept}.`);
  try {
    await mustRun(exec, "apt-get", ["-q", "download", "python3-diskimage-builder"], { cwd: folder });
    const [deb = ""] = readdirSync(folder).filter((name) => name.endsWith(".deb"));
    mkdirSync(join(folder, "tree"));
    await mustRun(exec, "dpkg-deb", ["-x", join(folder, deb), join(folder, "tree")]);
    renameSync(join(folder, "tree"), kept);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
