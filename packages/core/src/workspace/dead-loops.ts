import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import type { BuildContext } from "../context.js";
import { removeMappedOn } from "./mapped-devices.js";

const sysfs = "/sys/block";

/**
 * Frees loop devices whose image lies in a folder of a dead build: one that was killed in the moment between attaching
 * and handing the device over to the kernel, whose device mapper still holds, and what scripts attached and left.
 * Returns the devices. Only for folders that no live build uses.
 */
export async function releaseDeadLoops(folder: string, { exec }: Pick<BuildContext, "exec">): Promise<string[]> {
  const released: string[] = [];
  for (const name of (await readdir(sysfs)).filter((block) => block.startsWith("loop"))) {
    const image = await readFile(join(sysfs, name, "loop/backing_file"), "utf8").catch(() => ""); // free devices have none
    if (!image.startsWith(`${folder}/`)) continue;
    await removeMappedOn(name, exec);
    await exec("partx", ["-d", `/dev/${name}`]); // the kernel drops partitions with the loop only if it was told so
    await exec("losetup", ["-d", `/dev/${name}`]);
    released.push(`/dev/${name}`);
  }
  return released;
}
