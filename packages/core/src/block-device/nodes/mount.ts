import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { BuildError } from "../../errors.js";
import { compareBytes } from "../../phases/order.js";
import { mount as mountFileSystem, unmountBelow } from "../../workspace/mounts.js";
import { fillFat } from "../fill-fat.js";
import { defineBlockNode, type NodeConfig, type NodeRequest } from "../node.js";
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
    if (!isSwap) await mountAt(path, fileSystem, request);
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
  if (fileSystem?.values.type === "swap") return [];
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

async function mountAt(
  path: string,
  { fstype, device }: { fstype: string; device: string },
  request: NodeRequest,
): Promise<void> {
  const { exec, resources, onComplete, isVfatMountable } = request;
  await mkdir(path, { recursive: true });
  if (fstype === "vfat" && !isVfatMountable) {
    // The kernel can't mount it: content gathers in the folder and is moved into the file system at the end.
    onComplete(async () => {
      await fillFat(path, device, request);
      await rm(path, { recursive: true, force: true });
      await mkdir(path);
    });
    return;
  }
  await mountFileSystem(
    { what: device, target: path, type: fstype, options: mountOptions[fstype] },
    resources,
    request,
  );
  // The disk's own mounts below are released before; what is still there, a script mounted and left.
  resources.defer(`mounts below ${path}`, () => unmountBelow(path, request));
  onComplete(async () => {
    if (fstype !== "vfat") await exec("fstrim", [path]); // not every file system and image file can
  });
}

/** ext4 would start to write its empty tables in the background; FAT would fail every chown of a copy. */
const mountOptions: Readonly<Record<string, string>> = { ext4: "noinit_itable", vfat: "quiet,umask=0022" };
