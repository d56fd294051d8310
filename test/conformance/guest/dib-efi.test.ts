/**
 * DIB's own boot loader wants a mounted ESP, and thus a kernel that knows FAT: the disk is made in a guest, from a tree that
 * DIB's own elements made here, and boots here under UEFI.
 */
import { join } from "node:path";
import { expect, test } from "vitest";
import { anElement } from "../../support/build-fixture.js";
import { DibElementBuilds } from "../../support/dib-element-builds.js";
import { repository, runInGuest, urlInGuest } from "../../support/guest/guest.js";

/** Where the guest has the same elements, from the same package. */
const dibElements = "/usr/lib/python3/dist-packages/diskimage_builder/elements";

/** An operating system that is the tree, which finds its packages where a guest does. */
const tree = (folder: string) =>
  anElement("tree")
    .provides("operating-system")
    .script(
      "root.d/05-tree",
      `set -eu
tar -C "$TARGET_ROOT" --numeric-owner --xattrs -xpf ${join(folder, "image.tar")}
sed -i 's|http://127.0.0.1|${urlInGuest("http://127.0.0.1")}|' "$TARGET_ROOT"/etc/apt/sources.list.d/*.list`,
    )
    .file(
      "environment.d/10-tree",
      "export DISTRO_NAME=debian DIB_RELEASE=bookworm DIB_INIT_SYSTEM=systemd EFI_BOOT_DIR=EFI/debian\n",
    );

test("debian-minimal block-device-efi vm, with DIB's own boot loader, boots under UEFI to its login", async () => {
  await using builds = await DibElementBuilds.open();
  await builds.build(["debian-minimal"], "tar");
  tree(builds.path).writeTo(join(builds.path, "elements"));
  const built = await runInGuest({
    share: [{ folder: builds.path, isWritable: true }],
    timeoutSeconds: 3000,
    memoryMiB: 3072,
    command: `
cd ${builds.path}
export ELEMENTS_PATH=${builds.path}/elements:${dibElements} DIB_IMAGE_CACHE=/var/tmp/cache
node ${repository}/packages/cli/bin/dib.js build -n tree block-device-efi vm dpkg package-installs \\
  -o image -t qcow2 -u --image-size 3 --logfile efi.log`,
  });
  expect(built, built.stderr.slice(-4000)).toMatchObject({ exitCode: 0 });
  expect(built.stderr).toContain("UEFI secure boot not supported"); // what DIB's own boot loader says
  const booted = await builds.boot("--firmware", "uefi", "--expect", "login:");
  expect(booted, booted.stderr.slice(-3000)).toMatchObject({ exitCode: 0 });
});
