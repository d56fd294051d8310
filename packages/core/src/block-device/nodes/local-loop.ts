import { constants, existsSync } from "node:fs";
import { mkdir, open, readdir, rm, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { BuildError, reasonOf } from "../../errors.js";
import type { Exec } from "../../process/exec.js";
import { deviceNumber } from "../device-number.js";
import { defineBlockNode, defineLoan, type NodeConfig, type NodeRequest } from "../node.js";
import { parseSize, roundUpSize } from "../sizes.js";
import { runForNode } from "./run-for-node.js";
import { textOf } from "../written-text.js";

/** A raw image file in the build's own folder, and the loop device on it. */
export const localLoop = defineBlockNode({
  name: "local_loop",
  check: checkLocalLoop,
  hostCommands: () => [
    { command: "losetup", debian: "mount", fedora: "util-linux", opensuse: "util-linux" },
    { command: "flock", debian: "util-linux", fedora: "util-linux", opensuse: "util-linux" },
  ],
  async create(request) {
    const { node, imageDir, imageSizeBytes, sizeMultipleBytes, state } = request;
    const size = parseSize(node.values.size);
    const sizeBytes =
      size !== undefined && "bytes" in size ? roundUpSize(size.bytes, sizeMultipleBytes) : imageSizeBytes;
    const image = join(imageDir, `${node.name}.raw`);
    if (request.existing === undefined) await makeSparseFile(image, sizeBytes, node);
    const device = await attach(image, request);
    state.blockdev.set(node.name, { device, image, offsetBytes: 0, sizeBytes });
    return true;
  },
});

function checkLocalLoop({ type, name, base, values }: NodeConfig, graph: readonly NodeConfig[]): string[] {
  const { size, directory, block_size: blockSize } = values;
  const bytes = size === undefined ? undefined : parseSize(size);
  return [
    ...(base === undefined ? [] : [`local_loop ${name} stands on nothing, it can't have a base`]),
    ...(/^[A-Za-z0-9][A-Za-z0-9_.+-]*$/.test(name)
      ? []
      : [`local_loop name ${JSON.stringify(name)} must be usable as a file name`]),
    ...(size === undefined || (bytes !== undefined && "bytes" in bytes && bytes.bytes > 0)
      ? []
      : [`local_loop ${name}: size ${JSON.stringify(size)} is not a size`]),
    ...(directory === undefined
      ? []
      : [`local_loop ${name}: 'directory' is not supported, images are made in the build's own folder`]),
    ...(["512", "4096"].includes(textOf(blockSize) ?? "512")
      ? []
      : [`local_loop ${name}: block_size ${textOf(blockSize)} must be 512 or 4096`]),
    ...(graph.every((other) => other.type !== type || sectorText(other) === sectorText({ values }))
      ? []
      : ["every local_loop of a layout must have the same block_size"]),
  ];
}

const sectorText = ({ values }: Pick<NodeConfig, "values">): string => textOf(values.block_size) ?? "512";

/** Throws BLOCK_DEVICE_IMAGE_EXISTS: nothing is written over what is there. Throws BLOCK_DEVICE_NODE_FAILED, and the file is gone. */
async function makeSparseFile(image: string, sizeBytes: number, node: NodeConfig): Promise<void> {
  const how = constants.O_RDWR | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
  const file = await open(image, how, 0o600).catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code === "EEXIST")
      throw new BuildError("BLOCK_DEVICE_IMAGE_EXISTS", { image });
    throw error;
  });
  try {
    await file.truncate(sizeBytes);
  } catch (error) {
    await rm(image); // the file system can't hold a file of this length
    const doing = `making ${image}, of ${Math.ceil(sizeBytes / 2 ** 20)} MiB,`;
    const context = { node: node.name, doing, reason: reasonOf(error) };
    throw new BuildError("BLOCK_DEVICE_NODE_FAILED", context, { cause: error });
  } finally {
    await file.close();
  }
}

/** `losetup -f` finds and takes a device in two steps; every build on the host waits its turn. Where only root can
 * write: nobody else can hold the lock, nor make the file first, which a sticky /run/lock would then keep from us. */
const lockFile = "/run/dib/.losetup.lock";
const lockSeconds = "60";

/** `-P` lets the kernel drop the partition nodes with the loop. Throws BLOCK_DEVICE_NODE_FAILED. */
async function attach(image: string, request: NodeRequest): Promise<string> {
  const { node, sectorSizeBytes, exec, borrow, outlivesProcess } = request;
  await mkdir(dirname(lockFile), { recursive: true, mode: 0o700 });
  const args = [
    "-w",
    lockSeconds,
    lockFile,
    "losetup",
    "-P",
    "-f",
    "--show",
    "--sector-size",
    String(sectorSizeBytes),
    image,
  ];
  const { exitCode, stdout, stderr } = await exec("flock", args);
  if (exitCode !== 0) {
    if (request.existing === undefined) await rm(image);
    throw failed(node, stderr.trim() || `losetup exited with ${exitCode}`);
  }
  const device = stdout.trim();
  borrow(loopDevice, { device, image });
  if (!outlivesProcess) await handToKernel(device, image, request);
  if (!(await isBackedBy(device, image, exec))) throw failed(node, `${device} is not backed by ${image}`);
  return device;
}

/** The kernel clears the loop when its last user is gone: our descriptor, then `losetup -d`, which only marks it. Also after a kill. */
async function handToKernel(device: string, image: string, request: NodeRequest): Promise<void> {
  const user = await open(device, constants.O_RDONLY);
  request.resources.defer(`contents of ${device}`, async () => {
    const lost = await user.sync().then(() => undefined, reasonOf);
    await user.close();
    if (lost !== undefined) throw notWritten(device, image, lost);
  });
  await runForNode(request, "handing the loop device to the kernel", ["losetup", "-d", device]);
}

const notWritten = (device: string, image: string, reason: string) =>
  new Error(`what was written to ${device} did not reach ${image}: ${reason}`);

const failed = (node: NodeConfig, reason: string) =>
  new BuildError(
    "BLOCK_DEVICE_NODE_FAILED",
    { node: node.name, doing: "attaching a loop device", reason },
    { kind: "host" },
  );

const deadlineMs = 5_000;

/** It counts as released only when it is really gone. */
export const loopDevice = defineLoan<{ device: string; image: string }>({
  name: "loop",
  label: ({ device }) => `loop device ${device}`,
  async release({ device, image }, { exec }) {
    const deadline = Date.now() + deadlineMs;
    let lost: string | undefined;
    while (await isBackedBy(device, image, exec)) {
      if (Date.now() > deadline) throw new Error(`still backed by ${image}`);
      lost ??= await writeBack(device);
      await exec("losetup", ["-d", device]);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    const left = isAttached(device) ? [] : await partitionsOf(device); // else somebody else has it by now
    if (left.length > 0) throw new Error(`partition nodes ${left.join(", ")} are left`);
    if (lost !== undefined) throw notWritten(device, image, lost);
  },
});

/** Why the kernel could not write all of it; undefined when it could. */
async function writeBack(device: string): Promise<string | undefined> {
  const user = await open(device, constants.O_RDONLY);
  try {
    return await user.sync().then(() => undefined, reasonOf);
  } finally {
    await user.close();
  }
}

/** By device and inode: the name that the kernel keeps is cut after 64 bytes. */
export async function isBackedBy(device: string, image: string, exec: Exec): Promise<boolean> {
  const file = await stat(image, { bigint: true }).catch(() => undefined);
  if (file === undefined) return false;
  const { major, minor } = deviceNumber(file.dev);
  const [inode, on] = (await readBacking(device, exec)).trim().split(/\s+/);
  return inode === String(file.ino) && on === `${major}:${minor}`;
}

const attempts = 3;

/** Empty for a device that has no file; a losetup that fails once does not make one of it. */
async function readBacking(device: string, exec: Exec): Promise<string> {
  for (let attempt = 1; ; attempt++) {
    const { exitCode, stdout } = await exec("losetup", ["-n", "-O", "BACK-INO,BACK-MAJ:MIN", device]);
    if (exitCode === 0) return stdout;
    if (attempt === attempts || !isAttached(device)) return "";
  }
}

const isAttached = (device: string): boolean => existsSync(`/sys/block/${basename(device)}/loop`);

async function partitionsOf(device: string): Promise<string[]> {
  const name = basename(device);
  const entries = await readdir(`/sys/block/${name}`).catch(() => []);
  return entries.filter((entry) => entry.startsWith(`${name}p`));
}
