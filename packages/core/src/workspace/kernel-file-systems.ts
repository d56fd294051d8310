import { chmod, mkdir, readFile, symlink } from "node:fs/promises";
import { join } from "node:path";
import type { BuildContext } from "../context.js";
import { mustRun } from "../process/exec.js";
import { mount } from "./mounts.js";
import type { ResourceStack } from "./resource-stack.js";
import { resolveInRoot } from "./target.js";

/** A block device that a chroot may see: its own disk, and nothing else of the host. */
export interface DeviceNode {
  /** Absolute, below /dev. */
  readonly path: string;
  readonly major: number;
  readonly minor: number;
}

const characterNodes = [
  ["null", 1, 3],
  ["zero", 1, 5],
  ["full", 1, 7],
  ["random", 1, 8],
  ["urandom", 1, 9],
  ["tty", 5, 0],
] as const;

const links = [
  ["fd", "/proc/self/fd"],
  ["stdin", "/proc/self/fd/0"],
  ["stdout", "/proc/self/fd/1"],
  ["stderr", "/proc/self/fd/2"],
  ["ptmx", "pts/ptmx"],
] as const;

/**
 * Mounts proc, /dev, /dev/pts and sysfs into the target, in DIB's order. /dev is a tmpfs with a handful of nodes: the
 * host's devtmpfs is one instance for the whole machine, and what a script removes there is gone for the host too.
 */
export async function mountKernelFileSystems(
  root: string,
  disk: readonly DeviceNode[],
  stack: ResourceStack,
  ctx: BuildContext,
): Promise<void> {
  const place = async (name: string) => {
    const folder = await resolveInRoot(root, name);
    await mkdir(folder, { recursive: true });
    return folder;
  };
  await mount({ what: "proc", target: await place("/proc"), type: "proc", options: "nosuid,noexec,nodev" }, stack, ctx);
  const dev = await place("/dev");
  await mount({ what: "dev", target: dev, type: "tmpfs", options: "nosuid,mode=0755,size=64m" }, stack, ctx);
  await fillDev(dev, disk, ctx);
  await mount(
    {
      what: "devpts",
      target: join(dev, "pts"),
      type: "devpts",
      options: "newinstance,nosuid,noexec,gid=5,mode=620,ptmxmode=666",
    },
    stack,
    ctx,
  );
  await mount(
    { what: "sysfs", target: await place("/sys"), type: "sysfs", options: "ro,nosuid,noexec,nodev" },
    stack,
    ctx,
  );
}

const makeNodes = `set -eu; while [ $# -gt 0 ]; do mknod -m "$1" -- "$2" "$3" "$4" "$5"; shift 5; done`;

/** What tells GRUB's programs that a device is LVM's, and on what it lies. */
async function addMapperControl(folder: string, ctx: BuildContext): Promise<void> {
  await mkdir(folder);
  const minor = /^\s*(\d+) device-mapper$/m.exec(await readFile("/proc/misc", "utf8"))?.[1];
  if (minor !== undefined) await mustRun(ctx.exec, "mknod", ["-m", "0600", join(folder, "control"), "c", "10", minor]);
}

async function fillDev(dev: string, disk: readonly DeviceNode[], ctx: BuildContext): Promise<void> {
  if (disk.some(({ path }) => path.startsWith("/dev/mapper/"))) await addMapperControl(join(dev, "mapper"), ctx);
  const characters = characterNodes.map(([name, major, minor]) => ["0666", join(dev, name), "c", major, minor]);
  const blocks = disk.map(({ path, major, minor }) => {
    return ["0660", join(dev, path.replace(/^\/dev\//, "")), "b", major, minor];
  });
  const words = [...characters, ...blocks].flat().map(String);
  await mustRun(ctx.exec, "bash", ["--norc", "-c", makeNodes, "mknod", ...words]); // a process for each takes longer
  for (const [name, linkTarget] of links) await symlink(linkTarget, join(dev, name));
  await mkdir(join(dev, "pts"));
  await mkdir(join(dev, "shm"));
  await chmod(join(dev, "shm"), 0o1777);
}
