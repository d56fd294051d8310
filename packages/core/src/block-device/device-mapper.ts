/** Names of device mapper: one list for the whole host, whatever namespaces a build has. */
import { constants } from "node:fs";
import { mkdir, open, type FileHandle } from "node:fs/promises";
import { join } from "node:path";
import { BuildError } from "../errors.js";
import type { NodeRequest } from "./node.js";

const folder = "/dev/mapper";

/** The device of a logical volume; a hyphen inside a name is written twice, to tell it from the one between the names. */
export const volumeDevice = (group: string, volume: string): string =>
  mappedDevice(`${doubled(group)}-${doubled(volume)}`);

export const mappedDevice = (name: string): string => join(folder, name);

const doubled = (name: string): string => name.replaceAll("-", "--");

/** Whether a device belongs to a volume group, also one that lvm keeps to itself. */
export const isOfGroup = (name: string, group: string): boolean =>
  name.replaceAll("--", "/").split("-")[0] === group.replaceAll("-", "/");

const lockDir = "/run/dib";
const lockSeconds = "600";

/**
 * Takes a name for this build until its disk is released; a build beside this one that wants the same waits its turn.
 * Throws BLOCK_DEVICE_NAME_TAKEN, before anything is made, when that takes too long.
 */
export async function reserveName(name: string, { node, exec, emit, signal, resources }: NodeRequest): Promise<void> {
  await mkdir(lockDir, { recursive: true, mode: 0o700 });
  const lock = await open(join(lockDir, `.mapped-${name}.lock`), constants.O_RDWR | constants.O_CREAT, 0o600);
  resources.defer(`name ${name}`, () => lock.close());
  if (await isLocked(lock, ["-n"])) return;
  emit({ type: "note", level: "info", text: `Another build uses the name ${name}: waiting for its disk to be done` });
  if (!(await isLocked(lock, ["-w", lockSeconds]))) throw nameTaken(node.name, name, "another build");

  async function isLocked(file: FileHandle, how: readonly string[]): Promise<boolean> {
    const { exitCode } = await exec("flock", [...how, "-x", "3"], { descriptors: [file.fd], signal });
    signal.throwIfAborted();
    return exitCode === 0;
  }
}

export const nameTaken = (node: string, name: string, by: string): BuildError =>
  new BuildError("BLOCK_DEVICE_NAME_TAKEN", { node, name, by });
