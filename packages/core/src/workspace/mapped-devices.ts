/** Device mapper has one list of names for the whole host, and keeps a device until it is told otherwise. */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { defaultEnv, type Exec } from "../process/exec.js";

const blocks = "/sys/class/block";

/**
 * udev confirms what device mapper made through a semaphore, which it looks for outside our namespace, and our programs
 * would wait for ever: they make the nodes in /dev themselves.
 */
export const deviceMapperEnv: Readonly<Record<string, string>> = { ...defaultEnv, DM_DISABLE_UDEV: "1" };

export interface MappedDevice {
  readonly name: string;
  /** Begins with the kind of what made it: `LVM-`, `CRYPT-`. */
  readonly uuid: string;
}

/** All that is active now. */
export async function mappedDevices(): Promise<readonly MappedDevice[]> {
  const mapped = (await readdir(blocks)).filter((block) => block.startsWith("dm-"));
  const devices = mapped.map(async (block) => ({ name: await nameOf(block), uuid: await factOf(block, "uuid") }));
  return (await Promise.all(devices)).filter(({ name }) => name !== "");
}

export const mappedNames = async (): Promise<readonly string[]> => (await mappedDevices()).map(({ name }) => name);

/** Empty for what is gone meanwhile. */
const factOf = async (block: string, fact: string): Promise<string> =>
  (await readFile(join(blocks, block, "dm", fact), "utf8").catch(() => "")).trim();

const nameOf = (block: string): Promise<string> => factOf(block, "name");

/** Removes what lies on a block device or its partitions, the uppermost first. */
export async function removeMappedOn(block: string, exec: Exec): Promise<void> {
  const below = await readdir(join(blocks, block)).catch(() => []);
  for (const partition of below.filter((name) => name.startsWith(`${block}p`))) await removeMappedOn(partition, exec);
  for (const holder of await readdir(join(blocks, block, "holders")).catch(() => [])) {
    await removeMappedOn(holder, exec);
    const name = await nameOf(holder);
    if (name !== "") await exec("dmsetup", ["remove", "--retry", name], { env: deviceMapperEnv });
  }
}
