import { mkdir, realpath, rm } from "node:fs/promises";
import { join } from "node:path";
import { BuildError } from "../../errors.js";
import { compareBytes } from "../../phases/order.js";
import { isFull } from "../../workspace/is-full.js";
import { devicesMountedAt, mountUnheld, unmount, unmountBelow } from "../../workspace/mounts.js";
import { fillFat } from "../fill-fat.js";
import {
  defineBlockNode,
  defineLoan,
  type LoanData,
  type LoanServices,
  type NodeConfig,
  type NodeRequest,
} from "../node.js";
import { isOwn, leaveAlone } from "../own-devices.js";
import { textOf } from "../written-text.js";

/** A place of the finished disk where a file system is mounted; swap is only noted. */
export const mount = defineBlockNode({
  name: "mount",
  expand: (node) => [normalized(node)],
  check: checkMount,
  hostCommands: () => [
    { command: "mount", debian: "mount", fedora: "util-linux", opensuse: "util-linux" },
    { command: "fstrim", debian: "util-linux", fedora: "util-linux", opensuse: "util-linux" },
  ],
  after: (node, graph) => mountNames(graph).slice(0, mountNames(graph).indexOf(node.name)).slice(-1),
  async create(request) {
    const { node, state, mountBase } = request;
    const base = node.base ?? "";
    const fileSystem = state.filesys.get(base);
    if (fileSystem === undefined)
      throw new BuildError("BLOCK_DEVICE_NODE_FAILED", {
        node: node.name,
        doing: "mounting",
        reason: `${base} is no file system`,
      });
    const isSwap = fileSystem.fstype === "swap";
    const mountPoint = isSwap ? "none" : mountText(node.values);
    const path = isSwap ? "none" : join(mountBase, mountPoint).replace(/\/$/, "");
    if (!isSwap) await mountAt(path, mountPoint, fileSystem, request);
    state.mount.set(mountPoint, { name: node.name, base, path });
    state.mountOrder.push(mountPoint);
    return true;
  },
});

const mountText = ({ mount_point: written }: NodeConfig["values"]): string => textOf(written) ?? "";

/** `//boot/` is `/boot`: whoever sorts or compares mount points finds them written in one way. */
function normalized(node: NodeConfig): NodeConfig {
  const written = mountText(node.values);
  if (!written.startsWith("/")) return node;
  return { ...node, values: { ...node.values, mount_point: `/${written.split("/").filter(Boolean).join("/")}` } };
}

/** Names of the mounts, parents first: sorted by path, swap last. */
function mountNames(graph: readonly NodeConfig[]): string[] {
  const mounts = graph.filter(({ type }) => type === "mount");
  return mounts.sort((a, b) => compareBytes(mountText(a.values), mountText(b.values))).map(({ name }) => name);
}

function checkMount(node: NodeConfig, graph: readonly NodeConfig[]): string[] {
  const written = node.values.mount_point;
  if (node.base === undefined || written === undefined) {
    return [
      ...(node.base === undefined ? ["MountPoint config needs [base]"] : []),
      ...(written === undefined ? ["MountPoint config needs [mount_point]"] : []),
    ];
  }
  const fileSystem = graph.find(({ name }) => name === node.base);
  if (fileSystem?.values.type === "swap") return otherSwapsOf(node, graph);
  const path = textOf(written) ?? "";
  const parts = path.split("/");
  const twins = graph.filter((other) => other.type === "mount" && mountText(other.values) === path);
  return [
    ...(path.startsWith("/") && !/\p{Cc}/u.test(path) && !parts.includes("..") && !parts.includes(".")
      ? []
      : [`mount point ${JSON.stringify(path)} must be an absolute path without '..'`]),
    ...(twins.length > 1 ? [`Mount point [${path}] specified more than once`] : []),
  ];
}

/** The state that scripts and `dib-block-device` read knows one mount point `none`. */
function otherSwapsOf(node: NodeConfig, graph: readonly NodeConfig[]): string[] {
  const swaps = new Set(graph.filter(({ values }) => values.type === "swap").map(({ name }) => name));
  const mounts = graph.filter(({ type, base }) => type === "mount" && swaps.has(base ?? ""));
  return mounts[0] === node || mounts.length === 1 ? [] : [`mount ${node.name}: a layout mounts one swap`];
}

async function mountAt(
  path: string,
  mountPoint: string,
  { fstype, device }: { fstype: string; device: string },
  request: NodeRequest,
): Promise<void> {
  const { borrow, isVfatMountable, imageDir, emit } = request;
  await mkdir(path, { recursive: true });
  if (fstype === "vfat" && !isVfatMountable) return borrow(gatheredFiles, { path, device, node: request.node.name });
  await mountUnheld({ what: device, target: path, type: fstype, options: mountOptions[fstype] }, request);
  borrow(mountedFileSystem, { path, device, mountPoint, fstype, imageDir });
  emit({ type: "mount", what: device, target: path });
}

/** ext4 would start to write its empty tables in the background; FAT would fail every chown of a copy; XFS refuses a UUID that a build beside this one has mounted. */
const mountOptions: Readonly<Record<string, string>> = {
  ext4: "noinit_itable",
  vfat: "quiet,umask=0022",
  xfs: "nouuid",
};

interface MountData extends LoanData {
  readonly path: string;
  readonly device: string;
  readonly mountPoint: string;
  readonly fstype: string;
  readonly imageDir: string;
}

export const mountedFileSystem = defineLoan<MountData>({
  name: "mount",
  label: ({ path }) => `mount ${path}`,
  async complete(data, services) {
    const { path, mountPoint, fstype, imageDir } = data;
    if ((await countOwnMounts(data, services)) === 0) return; // without it, this is a folder of the host
    await writeBack(path, mountPoint, imageDir, services.exec);
    if (fstype !== "vfat") await services.exec("fstrim", [path]); // not every file system and image file can
  },
  async release(data, services) {
    const mounts = await countOwnMounts(data, services);
    if (mounts === 0) return;
    // The disk's own mounts below are released before; what is still there, a script mounted and left.
    await unmountBelow(data.path, services);
    for (let mounted = 0; mounted < mounts; mounted++) await unmount(data.path, services);
  },
});

/** The mount and what a script mounted over it; 0 when it is gone, or what is there is somebody else's. */
async function countOwnMounts({ path, device }: MountData, services: LoanServices): Promise<number> {
  const devices = await devicesMountedAt(await realpath(path).catch(() => path));
  if (devices.includes(device) && (await isOwn(device, services))) return devices.length - devices.indexOf(device);
  if (devices.length > 0) leaveAlone(`mount ${path} (${devices.join(", ")})`, services);
  return 0;
}

/** The kernel can't mount it: content gathers in the folder and is moved into the file system at the end. */
export const gatheredFiles = defineLoan<{ path: string; device: string; node: string }>({
  name: "gathered-files",
  label: ({ path }) => `files of ${path}`,
  async complete({ path, device, node }, services) {
    if (!(await isOwn(device, services)))
      throw new BuildError("BLOCK_DEVICE_NODE_FAILED", {
        ...{ node, doing: `copying ${path} into the FAT file system` },
        reason: `${device} does not lie on an image of this disk any more`,
      });
    await fillFat(path, device, { ...services, node: { name: node } });
    await rm(path, { recursive: true, force: true });
    await mkdir(path);
  },
  release: () => Promise.resolve(),
});

/** What the loop device could not write shows here, for each file system by itself, and nowhere later: umount does not tell. */
async function writeBack(path: string, mountPoint: string, imageDir: string, exec: NodeRequest["exec"]): Promise<void> {
  const doing = "writing the image";
  const { exitCode, stderr } = await exec("sync", ["-f", path]);
  if (exitCode === 0) return;
  if (await isFull(imageDir)) throw new BuildError("SPACE_EXHAUSTED", { path: imageDir, doing });
  throw new BuildError("BLOCK_DEVICE_NODE_FAILED", { node: mountPoint, doing, reason: stderr.trim() });
}
