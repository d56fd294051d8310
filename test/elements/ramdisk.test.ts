/**
 * Ramdisks of a toy: its kernel and modules are words, its programs the host's. That they boot is shown by
 * test/conformance/builds/ramdisk.test.ts.
 */
import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { anElement, type ElementFixture } from "../support/build-fixture.js";
import { copyPrograms } from "../support/host-programs.js";
import { fileOf, testDifference } from "../support/test-difference.js";
import { buildToy, type ToyRequest } from "../support/toy-image.js";

/** What a distribution would install: programs of the host, and words that say what else there is. */
const machine = (): ElementFixture =>
  anElement("machine").script(
    "root.d/20-machine",
    `set -euo pipefail
${copyPrograms("busybox gzip ldd numfmt setsid sync")}
for applet in cpio awk; do ln -sf busybox "$TARGET_ROOT/bin/$applet"; done
for program in expr head ifconfig ip lsmod modprobe nc ping reboot route shutdown tftp udevadm wget systemd-udevd; do
  printf '#!/bin/bash\\necho "%s $*"\\n' $program > "$TARGET_ROOT/bin/$program"
  chmod 0755 "$TARGET_ROOT/bin/$program"
done
install -D "$TARGET_ROOT/bin/busybox" "$TARGET_ROOT/opt/busybox-toy"
mkdir -p "$TARGET_ROOT/boot" "$TARGET_ROOT/lib/firmware" "$TARGET_ROOT/lib/udev/rules.d"
for version in 6.9-toy 6.10-toy; do
  echo "kernel $version" > "$TARGET_ROOT/boot/vmlinuz-$version"
  for module in net/wire drivers/video/fbdev/picturefb; do
    install -D /dev/null "$TARGET_ROOT/lib/modules/$version/kernel/$module.ko"
  done
done
echo "the same, not compressed" > "$TARGET_ROOT/boot/vmlinux-6.10-toy"
echo firmware > "$TARGET_ROOT/lib/firmware/blob"
echo rule > "$TARGET_ROOT/lib/udev/rules.d/80-drivers.rules"`,
  );

/** What an element may add to a ramdisk. */
const subject = (): ElementFixture =>
  anElement("subject")
    .file("environment.d/10-busybox.bash", "export BUSYBOX=/opt/busybox-toy\n")
    .file("binary-deps.d/subject", "numfmt\nawk\n")
    .file("dracut-drivers.d/subject", "wire\n")
    .file("init.d/90-subject", 'echo "fragment of the subject"\n')
    .file("udev.d/70-subject.rules", "rule of the subject\n")
    .file("extra-data.d/scripts/d/subject-func", "subject_answer() { echo 42; }\n")
    .script("install.d/50-subject", 'echo "${INITRD:-not said}" > /root/initrd')
    .script(
      "cleanup.d/101-subject",
      `if [ -f "$IMAGE_NAME.iso" ]; then
        xorriso -osirrox on -indev "$IMAGE_NAME.iso" -extract_single /vmlinuz "$TMP_BUILD_DIR/vmlinuz"
        cat "$TMP_BUILD_DIR/vmlinuz" > "$TARGET_ROOT/root/disc"
      fi`,
    )
    .script("ramdisk-install.d/60-subject", 'echo installed > "$TMP_MOUNT_PATH/subject"');

const folders: AsyncDisposable[] = [];
afterAll(async () => {
  for (const folder of folders) await folder[Symbol.asyncDispose]();
});

async function build(request: Partial<ToyRequest>, fixtures: readonly ElementFixture[], more: readonly string[] = []) {
  const elements = [...fixtures.map(({ name }) => name), ...more];
  const built = await buildToy({ elements, fixtures, ...request });
  folders.push(built.folder);
  return built;
}
type Built = Awaited<ReturnType<typeof build>>;

/** The initramfs, unpacked. */
function unpack({ folder }: Built): string {
  const root = join(folder.path, "ramdisk");
  mkdirSync(root);
  const archive = execFileSync("gzip", ["-dc", `${folder.image}.initramfs`], { maxBuffer: 2 ** 28 });
  execFileSync("busybox", ["cpio", "-idm"], { cwd: root, input: archive, stdio: ["pipe", "ignore", "ignore"] });
  return root;
}
const listing = (root: string, folder: string) =>
  execFileSync("find", [folder, "!", "-type", "d"], { cwd: root, encoding: "utf8" }).split("\n").sort().slice(1);

let built: Built;
let root: string;
beforeAll(async () => {
  built = await build({ flags: { ramdisk: true } }, [machine(), subject()], ["iso"]);
  root = unpack(built);
});
const inRamdisk = (path: string) => readFileSync(join(root, path), "utf8");

testDifference("ramdisk", "its packages are asked for", () => built.run, {
  added: { "/var/lib/packages": fileOf("install-packages busybox cpio iproute2 kmod udev\n") },
});
testDifference("ramdisk-base", "the image says what went into the ramdisk, and needs no other", () => built.run, {
  added: {
    "/etc/dib_binary_deps": fileOf("bash busybox ip modprobe udevadm numfmt awk\n"),
    "/root/initrd": fileOf("No\n"),
  },
});

testDifference("iso", "the disc is there for later scripts, and holds the kernel", () => built.run, {
  added: { "/root/disc": fileOf("kernel 6.10-toy\n") },
});

describe("a ramdisk", () => {
  test("comes with the newest kernel, which is the one with the higher version, compressed", () => {
    expect(readFileSync(`${built.folder.image}.kernel`, "utf8")).toBe("kernel 6.10-toy\n");
  });

  test("holds the modules of its kernel, but no drivers of framebuffers, and all firmware", () => {
    expect(listing(root, "lib/modules")).toEqual(["lib/modules/6.10-toy/kernel/net/wire.ko"]);
    expect(inRamdisk("lib/firmware/blob")).toBe("firmware\n");
  });

  test("holds the programs that elements ask for, with their libraries; busybox, whatever its name, is all the others", () => {
    const run = (program: string, ...args: string[]) =>
      execFileSync("chroot", [root, `/bin/${program}`, ...args], { encoding: "utf8" });
    expect(run("numfmt", "--version")).toContain("coreutils");
    expect(run("ip", "link")).toBe("ip link\n"); // busybox has a part of it only
    expect(run("sync")).toBe("");
    expect(run("awk", "BEGIN { print 1 }")).toBe("1\n");
  });

  test("has what elements add: fragments in order, rules, functions, files", () => {
    const names = [...inRamdisk("init").matchAll(/^# init fragment from (.+)$/gm)].map(([, name]) => name);
    expect(names).toEqual([
      "10-start-base-system",
      "20-init-variables",
      "30-start-network",
      "40-check-network-ready",
      "90-subject",
    ]);
    execFileSync("bash", ["-n", join(root, "init")]);
    expect(inRamdisk("lib/udev/rules.d/70-subject.rules")).toBe("rule of the subject\n");
    expect(inRamdisk("subject")).toBe("installed\n");
    expect(inRamdisk("lease-script")).toMatch(/^#!\/bin\/bash\n/);
  });

  test.each([
    ["subject_answer", "42"],
    ["partition_name sda 2", "/dev/sda2"],
    ["partition_name nvme0n1 2", "/dev/nvme0n1p2"],
    ["whole_disk_name /dev/vda1", "/dev/vda"],
    ["whole_disk_name mmcblk0p1", "/dev/mmcblk0"],
    ["find_parameter_from_file disk /cmdline", "vda"],
    ["find_parameter_from_file quiet /cmdline; echo $?", "\n0"],
    ["find_parameter_from_file BOOT /cmdline; echo $?", "\n1"],
    ["err_msg 'no disk: vda & vdb'; echo $FIRST_ERR_MSG", "no disk: vda & vdb\nno+disk+vda++vdb"],
    ["wait_for 2 0 false; echo $?", "1"],
  ])("/init-func: %s", (command, answer) => {
    const script = `echo "BOOT_IMAGE=/k disk=vda quiet" > /cmdline; source /init-func; ${command}`;
    expect(execFileSync("chroot", [root, "/bin/bash", "-c", script], { encoding: "utf8" })).toBe(`${answer}\n`);
  });
});

describe("a ramdisk is refused", () => {
  test("that asks for a program which nobody installs", async () => {
    const wish = anElement("wish").file("binary-deps.d/wish", "no-such-program");
    await expect(build({ flags: { ramdisk: true } }, [machine(), wish])).rejects.toMatchObject({
      code: "SCRIPT_FAILED",
      message: expect.stringContaining("no-such-program, asked for by wish") as string,
    });
  });

  test("whose kernel is a link to a file of the host", async () => {
    const script = "echo packed > /tmp/ramdisk; ln -s /etc/hostname /tmp/kernel";
    const spy = anElement("spy").script("post-install.d/10-spy", script);
    const flags = { ramdisk: true, ramdiskElement: "no-final-image" };
    await expect(build({ flags }, [spy], ["ramdisk-base"])).rejects.toMatchObject({
      code: "SCRIPT_FAILED",
      context: { tail: "/tmp/kernel is no file of the image" },
    });
  });

  test("of an image without a kernel", () => {
    const { folder } = built.tree;
    const script = `mv /boot /nowhere; mkdir /boot; ${readFileSync("packages/core/lib/ramdisk-functions", "utf8")}
find_kernel_version`;
    const { status, stderr } = spawnSync("chroot", [folder, "/bin/bash", "-c", script], { encoding: "utf8" });
    expect([status, stderr]).toEqual([1, "There is no kernel in /boot: no vmlinuz-VERSION, no vmlinux-VERSION\n"]);
  });
});

describe("dracut-ramdisk", () => {
  let dracut: Built;
  beforeAll(async () => {
    const fake = anElement("dracut").script(
      "pre-install.d/50-dracut",
      `printf '#!/bin/bash\\nprintf "%%s\\\\n" "$@" > /root/dracut; echo packed > /tmp/ramdisk\\n' > /usr/local/bin/dracut
       chmod 0755 /usr/local/bin/dracut`,
    );
    const flags = { ramdisk: true, ramdiskElement: "dracut-ramdisk", breaks: ["before-ramdisk-install"] };
    dracut = await build({ flags, env: { break_cmd: "touch /root/break" } }, [machine(), subject(), fake]);
  });

  const module = "/usr/lib/dracut/modules.d/80dib-ramdisk";
  testDifference("dracut-ramdisk", "the fragments are a module of dracut", () => dracut.run, {
    added: {
      [`${module}/module-setup.sh`]: { kind: "file", mode: 0o755 },
      "/usr/lib/dracut/modules.d/80dib-ramdisk/init.sh": { kind: "file", mode: 0o755 },
      "/etc/dib_dracut_drivers": fileOf("virtio virtio_net virtio_blk wire\n"),
    },
  });
  testDifference("dracut-ramdisk", "its break point runs break_cmd in the image", () => dracut.run, {
    added: { "/root/break": fileOf("") },
  });

  test("is asked of dracut for any machine, with the programs, modules and files of all elements", () => {
    const { tree, image } = { tree: dracut.tree.folder, image: dracut.folder.image };
    const words = readFileSync(join(tree, "root/dracut"), "utf8").split("\n");
    const after = (option: string) => words[words.indexOf(option) + 1];
    expect(words).toContain("--no-hostonly");
    expect(after("--kver")).toBe("6.10-toy");
    expect(after("--install")?.split(" ")).toEqual(expect.arrayContaining(["numfmt", "setsid", "wget"]));
    expect(after("--add-drivers")?.split(" ")).toContain("wire");
    expect(readFileSync(`${image}.initramfs`, "utf8")).toBe("packed\n");
    expect(readFileSync(join(tree, module, "init.sh"), "utf8")).toContain("# init fragment from 90-subject\n");
  });
});

describe("no-final-image", () => {
  let nothing: Built;
  beforeAll(async () => {
    const look = anElement("look")
      .script(
        "install.d/50-look",
        'echo kernel | tee /tmp/kernel > /tmp/ramdisk; echo "${INITRD:-not said}" > /root/initrd',
      )
      .script("finalise.d/50-look", 'echo "${IMAGE_BLOCK_DEVICE:-there is no disk}" > /root/disk');
    nothing = await build({ flags: { formats: ["qcow2", "tar"] } }, [look], ["no-final-image", "ramdisk-base"]);
  });

  testDifference("no-final-image", "the last phases run on a tree that is on no disk", () => nothing.run, {
    added: { "/root/disk": fileOf("there is no disk\n") },
  });
  testDifference("ramdisk-base", "an image that is more than a ramdisk has an initramfs, too", () => nothing.run, {
    added: { "/root/initrd": fileOf("not said\n") },
  });
});
