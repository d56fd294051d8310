/** What a build with debian-minimal begins with, made once for all of them. */
import { copyFileSync, existsSync, linkSync, mkdirSync, mkdtempSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { createExec, mustRun } from "@dibjs/core/process/exec.js";
import { cacheFolder } from "./cache-folder.js";
import { debianSources } from "./dib-element-builds.js";
import { lockFile } from "./file-lock.js";

const exec = createExec();
const kept = join(cacheFolder, "released-elements");

/** All that debian-minimal installs: each build then unpacks it instead, and its own packages are what takes time. */
const packages =
  "linux-image-amd64 initramfs-tools netbase adduser ca-certificates cloud-initramfs-growroot locales lsb-release systemd-sysv busybox sudo gnupg2 python3";

/** The kernel's modules are most of it, and its initramfs takes longest: both are left small. */
const makeSmall = 'rm -rf "$1"/usr/lib/modules/*/kernel; chroot "$1" update-initramfs -u';

/** The name by which DIB's debootstrap finds it in the folder of caches, and so does ours. */
const baseTarballName = "debootstrap-debian-bookworm-amd64.tar.gz";

const pack = 'tar -C "$1" --numeric-owner -cf - . | gzip -1 > "$2"';

/** Puts it into a folder of caches. Nobody writes to it: a link will do, where both are on one file system. */
export async function layBaseTarball(caches: string): Promise<void> {
  const [from, to] = [await baseTarball(), join(caches, baseTarballName)];
  try {
    linkSync(from, to);
  } catch {
    copyFileSync(from, to);
  }
}

/** Up to date, so that no build has to upgrade it. */
async function baseTarball(): Promise<string> {
  const tarball = join(kept, baseTarballName);
  await using _lock = await lockFile(`${kept}.lock`);
  if (existsSync(tarball)) return tarball;
  mkdirSync(kept, { recursive: true });
  const folder = mkdtempSync("/var/tmp/dib-test-");
  const tree = join(folder, "tree");
  const options = ["--mode=root", "--variant=minbase", "--architectures=amd64"];
  const included = [`--include=${packages.replaceAll(" ", ",")}`, `--customize-hook=${makeSmall}`];
  try {
    await mustRun(exec, "mmdebstrap", [...options, ...included, "bookworm", tree, ...(await debianSources())]);
    await mustRun(exec, "sh", ["-c", `rm -rf "$1"/etc/apt/sources.list*; ${pack}`, "sh", tree, join(folder, "tar")]);
    await mustRun(exec, "mv", [join(folder, "tar"), `${tarball}.new`]);
    renameSync(`${tarball}.new`, tarball);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  return tarball;
}
