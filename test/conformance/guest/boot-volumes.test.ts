/** A Debian on LVM, on a thin volume, and on an encrypted disk: the disks are made in a guest, then booted here. */
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { bootElements, bootLayouts, buildTree, diskPassphrase, treeElement } from "../../support/boot-layouts.js";
import { password } from "../../support/debian-build.js";
import { runDib } from "../../support/dib.js";
import { repository, runInGuest } from "../../support/guest/guest.js";
import { tempFolder } from "../../support/temp-folder.js";

const folder = await tempFolder();

beforeAll(async () => {
  await buildTree(folder.path);
  treeElement(folder.path).writeTo(join(folder.path, "elements"));
});

afterAll(() => folder[Symbol.asyncDispose]());

async function build(layout: keyof typeof bootLayouts): Promise<void> {
  const result = await runInGuest({
    files: { "layout.yaml": bootLayouts[layout] },
    share: [{ folder: folder.path, isWritable: true }],
    timeoutSeconds: 2700,
    memoryMiB: 3072,
    command: `
cd ${folder.path}
export ELEMENTS_PATH=${folder.path}/elements DIB_IMAGE_CACHE=/var/tmp/cache DIB_DISK_PASSPHRASE="${diskPassphrase}"
DIB_BLOCK_DEVICE_CONFIG=file:///job/layout.yaml node ${repository}/packages/cli/bin/dib.js \\
  build -n tree ${bootElements.join(" ")} -o ${layout} -t qcow2 -u --image-size 3 --logfile ${layout}.log || exit 1
dmsetup ls | grep -v '^No devices' && exit 2
exit 0`,
  });
  expect(result, result.stderr.slice(-4000)).toMatchObject({ exitCode: 0 });
}

const logIn = [
  ...["--expect", "login:", "--send", "devuser", "--expect", "Password:", "--send", password],
  ...["--expect", "$ ", "--send", "findmnt -no SOURCE / | sed 's/^/root=/'"],
];

test.each([
  ["lvm", [], "root=/dev/mapper/sysvg-root"],
  ["thin", [], "root=/dev/mapper/sysvg-root"],
  ["luks", ["--expect", "unlock", "--send", diskPassphrase], "root=/dev/mapper/sysvg-root"],
] as const)("the %s layout is built and boots to a login", async (layout, before, root) => {
  await build(layout);
  const talk = [...before, ...logIn, "--expect", root];
  const booted = await runDib(["boot", `${layout}.qcow2`, ...talk, "--timeout", "900"], { cwd: folder.path });
  expect(booted, booted.stderr.slice(-3000)).toMatchObject({ exitCode: 0 });
});
