/** The disk, kernel and initramfs that guests boot from. */
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { copyFile, cp, mkdir, mkdtemp, readdir, readFile, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { createExec, mustRun } from "@dibjs/core/process/exec.js";
import { startAptProxy } from "../apt-proxy.js";
import { cacheFolder } from "../cache-folder.js";
import { lockFile } from "../file-lock.js";

/** In one folder, which stays as it is. */
export interface GuestImage {
  /** A raw ext4 file system. */
  readonly root: string;
  readonly kernel: string;
  readonly initramfs: string;
}

const exec = createExec();
const scripts = fileURLToPath(new URL(".", import.meta.url));

/** What builds need of a host, and what the released diskimage-builder needs. */
const packages = [
  ...[
    "mount",
    "udev",
    "kmod",
    "sudo",
    "procps",
    "iproute2",
    "busybox-static",
    "cpio",
    "curl",
    "ca-certificates",
    "git",
    "rsync",
  ],
  ...["lvm2", "dmsetup", "thin-provisioning-tools", "cryptsetup-bin", "kpartx", "parted", "fdisk", "gdisk"],
  ...["dosfstools", "mtools", "e2fsprogs", "xfsprogs", "btrfs-progs", "squashfs-tools", "qemu-utils"],
  ...["mmdebstrap", "debootstrap", "zstd", "pigz", "xz-utils", "libstdc++6", "python3-diskimage-builder"],
];

/** Left out: nobody reads them there, and each is a file to copy. */
const excluded = ["/usr/share/man/*", "/usr/share/doc/*", "/usr/share/locale/*", "/usr/share/info/*"];

/** Made when there is none for these packages, these scripts and this Node; takes two minutes. */
export async function guestImage(): Promise<GuestImage> {
  const folder = join(cacheFolder, `guest-${await keyOf()}`);
  await using _lock = await lockFile(join(cacheFolder, "guest.lock"));
  if (!existsSync(folder)) await makeImage(folder);
  return { root: join(folder, "root"), kernel: join(folder, "kernel"), initramfs: join(folder, "initramfs") };
}

async function keyOf(): Promise<string> {
  const hash = createHash("sha256").update(process.version).update(packages.join());
  for (const name of ["guest-image.ts", "make-initramfs.sh"]) hash.update(await readFile(join(scripts, name)));
  return hash.digest("hex").slice(0, 16);
}

async function makeImage(folder: string): Promise<void> {
  const work = await mkdtemp(`${folder}.`);
  try {
    const root = join(work, "tree");
    await bootstrap(root);
    await copyFile(process.execPath, join(root, "usr/bin/node"));
    await mkdir(join(work, "made"));
    await addKernel(root, join(work, "made"));
    const disk = join(work, "made/root");
    await mustRun(exec, "mke2fs", ["-q", "-t", "ext4", "-m", "0", "-d", root, disk, "3G"]);
    await rename(join(work, "made"), folder);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

async function bootstrap(root: string): Promise<void> {
  const { codename, mirror } = await startAptProxy();
  const options = ["--mode=root", "--variant=apt", '--aptopt=Apt::Install-Recommends "false"', "--quiet"];
  const exclude = excluded.map((path) => `--dpkgopt=path-exclude=${path}`);
  await mustRun(exec, "mmdebstrap", [...options, ...exclude, `--include=${packages.join()}`, codename, root, mirror]);
}

/** Debian's own, with its modules, out of its package. */
async function addKernel(root: string, folder: string): Promise<void> {
  const work = await mkdtemp(join(root, "../kernel."));
  const named = await mustRun(exec, "apt-cache", ["depends", "--important", "linux-image-amd64"]);
  const name = /Depends: (linux-image-\S+)/.exec(named)?.[1] ?? "";
  await mustRun(exec, "apt-get", ["-q", "download", name], { cwd: work });
  const [deb = ""] = await readdir(work);
  await mustRun(exec, "dpkg-deb", ["-x", join(work, deb), work]);
  const version = name.replace("linux-image-", "");
  await copyFile(join(work, `boot/vmlinuz-${version}`), join(folder, "kernel"));
  await cp(join(work, "lib/modules"), join(root, "usr/lib/modules"), { recursive: true });
  await copyFile(join(scripts, "make-initramfs.sh"), join(root, "make-initramfs.sh"));
  await mustRun(exec, "chroot", [root, "sh", "/make-initramfs.sh", version]);
  await rename(join(root, "initramfs"), join(folder, "initramfs"));
}
