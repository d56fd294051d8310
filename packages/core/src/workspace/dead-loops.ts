import { readdir, readFile } from "node:fs/promises";
import { basename, join } from "node:path";
import type { BuildContext } from "../context.js";
import { removeMappedOn } from "./mapped-devices.js";

const sysfs = "/sys/block";

/**
 * Frees loop devices whose image lies in a folder of a dead build: one that was killed in the moment between attaching
 * and handing the device over to the kernel, whose device mapper still holds, and what scripts attached and left.
 * Returns the devices. Only for folders that no live build uses.
 */
export async function releaseDeadLoops(folder: string, { exec }: Pick<BuildContext, "exec">): Promise<string[]> {
  const released = await loopsOn(folder, exec);
  for (const name of released) {
    await removeMappedOn(name, exec);
    await exec("losetup", ["-d", `/dev/${name}`]);
  }
  return released.map((name) => `/dev/${name}`);
}

/** By their images' paths, and by the images themselves: a path that was opened in a namespace that is gone lacks its beginning. */
async function loopsOn(folder: string, exec: BuildContext["exec"]): Promise<string[]> {
  const found = new Set<string>();
  for (const name of (await readdir(sysfs)).filter((block) => block.startsWith("loop"))) {
    const image = await readFile(join(sysfs, name, "loop/backing_file"), "utf8").catch(() => ""); // free devices have none
    if (image.startsWith(`${folder}/`)) found.add(name);
  }
  const files = (await readdir(folder, { withFileTypes: true }).catch(() => [])).filter((entry) => entry.isFile());
  for (const { name } of files) {
    const { stdout } = await exec("losetup", ["-n", "-O", "NAME", "-j", join(folder, name)]);
    for (const device of stdout.split("\n").filter(Boolean)) found.add(basename(device.trim()));
  }
  return [...found];
}
