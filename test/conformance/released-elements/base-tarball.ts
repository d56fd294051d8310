/** What a build with debian-minimal begins with, made once for all of them. */
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { createExec, mustRun } from "@dibjs/core/process/exec.js";
import { startAptProxy } from "../../support/apt-proxy.js";
import { cacheFolder } from "../../support/cache-folder.js";
import { lockFile } from "../../support/file-lock.js";

const exec = createExec();
const kept = join(cacheFolder, "released-elements");

/** All that debian-minimal installs: each build then unpacks it instead, and its own packages are what takes time. */
const packages =
  "linux-image-amd64 initramfs-tools netbase adduser ca-certificates cloud-initramfs-growroot locales lsb-release systemd-sysv busybox sudo gnupg2 python3";

/** The name by which DIB's debootstrap finds it in the folder of caches, and so does ours. */
export const baseTarballName = "debootstrap-debian-bookworm-amd64.tar.gz";

/** What is most of the tree, and what DIB takes out of it. */
const leftOut = "usr/lib/modules/*/kernel var/cache/apt/archives/*.deb var/cache/apt/*.bin etc/apt/sources.list*";

/** Made as DIB makes it with DIB_DEBOOTSTRAP_CACHE. */
export async function baseTarball(): Promise<string> {
  const tarball = join(kept, baseTarballName);
  await using _lock = await lockFile(`${kept}.lock`);
  if (existsSync(tarball)) return tarball;
  const { mirror } = await startAptProxy();
  mkdirSync(kept, { recursive: true });
  const folder = mkdtempSync("/var/tmp/dib-test-");
  const tree = join(folder, "tree");
  try {
    const options = [
      "--variant=minbase",
      "--components=main",
      "--arch=amd64",
      `--include=${packages.replaceAll(" ", ",")}`,
    ];
    await mustRun(exec, "debootstrap", [...options, "bookworm", tree, mirror]);
    await mustRun(exec, "sh", ["-c", `cd "$1"; rm -rf ${leftOut}`, "sh", tree]);
    await mustRun(exec, "sh", [
      "-c",
      'tar -C "$1" --numeric-owner -cf - . | gzip -1 > "$2"',
      "sh",
      tree,
      `${folder}/tar`,
    ]);
    await mustRun(exec, "mv", [join(folder, "tar"), `${tarball}.new`]);
    renameSync(`${tarball}.new`, tarball);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  return tarball;
}
