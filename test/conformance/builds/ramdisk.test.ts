/**
 * Ramdisks of a Debian, by our elements and by DIB's own, booted to a shell that answers; and what other builds put beside
 * their image for machines that boot over a network.
 */
import { execFileSync } from "node:child_process";
import { mkdirSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { anElement } from "../../support/build-fixture.js";
import { DibElementBuilds } from "../../support/dib-element-builds.js";
import { releasedElements } from "../../support/released-dib.js";

let builds: DibElementBuilds;
let dibs: string;
beforeAll(async () => {
  builds = await DibElementBuilds.open();
  dibs = await releasedElements();
});
afterAll(() => builds[Symbol.asyncDispose]());

const path = (name: string) => join(builds.path, name);

/** Asks the shell, once it prompts, for something that no echo of the console says. */
const shellAnswers = [
  "--expect",
  "# ",
  "--send",
  "echo answer-$((40 + 2)) of $(uname -s)",
  "--expect",
  "answer-42 of Linux",
];

async function expectShell(file: string, talk: readonly string[], ...machine: readonly string[]): Promise<void> {
  const booted = await builds.bootFile(file, "--memory", "2048", ...machine, ...talk);
  expect(booted.exitCode, booted.stdout.slice(-3000) + booted.stderr).toBe(0);
}

const troubleshoot = ["--append", "troubleshoot=1"];

test("busybox, by our elements, also from a disc", async () => {
  const env = { ELEMENTS_PATH: "", DIB_DEPLOY_ISO_KERNEL_CMDLINE_ARGS: "troubleshoot=1" };
  await builds.run("ramdisk-image-create", ["-o", "busybox", "--checksum", "debian-minimal", "iso"], env);
  expect(readdirSync(builds.path).filter((name) => name.startsWith("busybox"))).toEqual(
    expect.arrayContaining(["busybox.initramfs", "busybox.kernel", "busybox.md5", "busybox.sha256"]),
  );
  execFileSync("sha256sum", ["--check", "--quiet", "busybox.sha256"], { cwd: builds.path });
  await expectShell("busybox.initramfs", ["--expect", "Starting a shell", ...shellAnswers], ...troubleshoot);
  for (const firmware of ["bios", "uefi"]) await expectShell("busybox.iso", shellAnswers, "--firmware", firmware);
});

test("dracut, by our elements", async () => {
  const args = ["-o", "dracut", "--ramdisk-element", "dracut-ramdisk", "debian-minimal"];
  await builds.run("ramdisk-image-create", args, { ELEMENTS_PATH: "" });
  await expectShell("dracut.initramfs", ["--expect", "Starting a shell", ...shellAnswers], ...troubleshoot);
});

/** DIB's ramdisks do what fragments of /init say, and reboot. */
const stay = anElement("stay").file("init.d/90-stay", "troubleshoot\n");

test("busybox, by DIB's own elements", async () => {
  stay.writeTo(path("own"));
  const env = { ELEMENTS_PATH: `${path("own")}:${dibs}` };
  await builds.run("ramdisk-image-create", ["-o", "dibs", "debian-minimal", "stay"], env);
  await expectShell("dibs.initramfs", ["--expect", "Starting troubleshooting shell", ...shellAnswers], ...troubleshoot);
});

/** As DIB's, with the name that targetcli has in Debian, and without the module, which asks for Python 2. */
const targetcli = anElement("deploy-targetcli")
  .dependsOn("package-installs")
  .file("package-installs.yaml", "targetcli:\n")
  .file("pkg-map", '{ "family": { "debian": { "targetcli": "targetcli-fb" } } }')
  .file("extra-data.d/scripts/d/iscsi-func", "");

test("dracut, by DIB's own elements", async () => {
  stay.writeTo(path("own"));
  targetcli.writeTo(path("own"));
  writeFileSync(path("dracut.tar.xz"), "not looked at on Debian");
  const env = {
    ELEMENTS_PATH: `${path("own")}:${dibs}`,
    DIB_REPOLOCATION_dracut: `file://${path("dracut.tar.xz")}`,
  };
  const lacking = ["-p", "net-tools,iputils-ping"]; // what its binary-deps.d asks for, and nothing installs on Debian
  const args = ["-o", "dibs-dracut", "--ramdisk-element", "dracut-ramdisk", ...lacking, "debian-minimal", "stay"];
  await builds.run("ramdisk-image-create", args, env);
  const dracutsOwn = ["--expect", "Starting troubleshooting shell", "--expect", "Press Enter", "--send", ""];
  await expectShell("dibs-dracut.initramfs", [...dracutsOwn, ...shellAnswers]);
});

const password = "correct horse battery";

/** As Ironic's agent is built: the root of the image is the ramdisk. */
const agent = anElement("agent-ramdisk")
  .dependsOn("no-final-image")
  .script("post-install.d/90-init", "ln -sf /sbin/init /init")
  .script(
    "cleanup.d/99-ramdisk-create",
    `set -euo pipefail
source $_LIB/img-functions
select_boot_kernel_initrd $TARGET_ROOT
sudo cp $BOOTDIR/$KERNEL $IMAGE_NAME.kernel
sudo chmod a+r $IMAGE_NAME.kernel
cd $TARGET_ROOT
sudo find . -xdev ! -path './boot/*' ! -path './tmp/*' | sudo busybox cpio -o -H newc | gzip -1 > $IMAGE_NAME.initramfs`,
  );

test("a root that is an initramfs, as of Ironic's agent", async () => {
  agent.writeTo(path("own"));
  const args = ["-o", path("agent"), "agent-ramdisk", "debian-minimal", "devuser"];
  await builds.run("disk-image-create", args, {
    ELEMENTS_PATH: `${path("own")}:${dibs}`,
    DIB_CHECKSUM: "sha256",
    DIB_DEV_USER_PASSWORD: password,
    DIB_DEV_USER_PWDLESS_SUDO: "yes",
  });
  const files = readdirSync(builds.path).filter((name) => name.startsWith("agent."));
  expect(files.sort()).toEqual(["agent.d", "agent.initramfs", "agent.kernel", "agent.sha256"]);
  execFileSync("sha256sum", ["--check", "--quiet", "agent.sha256"], { cwd: builds.path });
  const login = ["--expect", "login:", "--send", "devuser", "--expect", "Password:", "--send", password];
  await expectShell("agent.initramfs", [...login, "--expect", "$ ", "--send", "sudo -i", ...shellAnswers]);
});

test("baremetal: kernel and initramfs beside the image, as Ironic's documentation has it", async () => {
  mkdirSync(path("metal"));
  const args = ["debian-minimal", "baremetal", "dhcp-all-interfaces", "grub2", "-o", "metal/my-image"];
  const { stdout } = await builds.run("disk-image-create", args);
  expect(stdout).toContain("Image file metal/my-image.qcow2 created...");
  const names = ["my-image.d", "my-image.initrd", "my-image.qcow2", "my-image.vmlinuz"];
  expect(readdirSync(path("metal")).sort()).toEqual(names);
  expect(statSync(path("metal/my-image.initrd")).mode & 0o444).toBe(0o444);
  expect(execFileSync("file", ["--brief", path("metal/my-image.vmlinuz")]).toString()).toMatch(/^Linux kernel/);
});
