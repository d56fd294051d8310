/** Names of device mapper: one list for the whole host, whatever namespaces a build has. */
import { constants } from "node:fs";
import { mkdir, open, type FileHandle } from "node:fs/promises";
import { join } from "node:path";
import { BuildError } from "../errors.js";
import { compareBytes } from "../phases/order.js";
import type { MappedDevice } from "../workspace/mapped-devices.js";
import type { NodeConfig, NodeRequest } from "./node.js";
import { textOf } from "./written-text.js";

const folder = "/dev/mapper";

/** The device of a logical volume; a hyphen inside a name is written twice, to tell it from the one between the names. */
export const volumeDevice = (group: string, volume: string): string =>
  mappedDevice(`${doubled(group)}-${doubled(volume)}`);

export const mappedDevice = (name: string): string => join(folder, name);

const doubled = (name: string): string => name.replaceAll("-", "--");

/** Whether a device belongs to a volume group, also one that lvm keeps to itself. An encrypted one may have such a name, too. */
export const isOfGroup = ({ name, uuid }: MappedDevice, group: string): boolean =>
  uuid.startsWith("LVM-") && name.replaceAll("--", "/").split("-")[0] === group.replaceAll("-", "/");

const lockDir = "/run/dib";
const lockSeconds = "3600"; // the scripts of a disk may take long
const heldByOther = 75;

interface TakenName {
  /** The node that wants it. */
  readonly node: string;
  readonly name: string;
}

/** What the nodes of a disk will be called on this host, each once, in the one order in which builds take names. */
export function namesOnHost(nodes: readonly NodeConfig[]): readonly TakenName[] {
  const names = nodes.flatMap(({ type, name, values }) => {
    if (type === "luks") return [{ node: name, name }];
    return type === "lvm" && values.role === "vg" ? [{ node: textOf(values.lvm) ?? name, name }] : [];
  });
  return names.sort((a, b) => compareBytes(a.name, b.name));
}

type Services = Pick<NodeRequest, "exec" | "emit" | "signal" | "resources">;

/**
 * Takes the names for this build until its disk is released, before anything of it is made and thus to the end; a build
 * beside this one that wants one of them waits its turn. Throws BLOCK_DEVICE_NAME_TAKEN when that takes too long.
 */
export async function reserveNames(nodes: readonly NodeConfig[], services: Services): Promise<void> {
  for (const taken of namesOnHost(nodes)) await reserveName(taken, services);
}

async function reserveName({ node, name }: TakenName, { exec, emit, signal, resources }: Services): Promise<void> {
  await mkdir(lockDir, { recursive: true, mode: 0o700 });
  const lock = await open(join(lockDir, `.mapped-${name}.lock`), constants.O_RDWR | constants.O_CREAT, 0o600);
  resources.defer(`name ${name}`, () => lock.close());
  if (await isLocked(lock, ["-n"])) return;
  emit({ type: "note", level: "info", text: `Another build uses the name ${name}: waiting for its disk to be done` });
  if (!(await isLocked(lock, ["-w", lockSeconds]))) throw nameTaken(node, name, "another build");

  async function isLocked(file: FileHandle, how: readonly string[]): Promise<boolean> {
    const args = [...how, "-E", String(heldByOther), "-x", "3"];
    const { exitCode, stderr } = await exec("flock", args, { descriptors: [file.fd], signal });
    signal.throwIfAborted();
    if (exitCode === 0 || exitCode === heldByOther) return exitCode === 0;
    const reason = stderr.trim() || `flock ended with ${exitCode}`;
    const doing = `taking the name ${name}`;
    throw new BuildError("BLOCK_DEVICE_NODE_FAILED", { node, doing, reason }, { kind: "host" });
  }
}

export const nameTaken = (node: string, name: string, by: string): BuildError =>
  new BuildError("BLOCK_DEVICE_NAME_TAKEN", { node, name, by });
