import { execFileSync } from "node:child_process";
import { closeSync, openSync, readSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startAptProxy } from "../support/apt-proxy.js";
import { anElement } from "../support/build-fixture.js";
import { cacheFolder } from "../support/cache-folder.js";
import { BuildFolder } from "../support/real-build.js";
import { runOf, withSnapshots } from "../support/snapshots.js";
import { fileOf, testDifference } from "../support/test-difference.js";
import { textOf, treeOfTar, type ImageTree } from "../support/toy-image.js";

/** GRUB for both firmwares on one disk, of a Debian without a kernel: booting is for the end-to-end tests. */
let folder: BuildFolder;
let tree: ImageTree;

// A kernel's name is enough for a menu entry.
const subject = anElement("subject").script(
  "install.d/50-kernel",
  "touch /boot/vmlinuz-1.2.3; echo 'GRUB_TIMEOUT=77' >> /etc/default/grub",
);

beforeAll(async () => {
  const proxy = await startAptProxy();
  folder = await BuildFolder.open();
  subject.writeTo(join(folder.path, "elements"));
  const request = {
    elements: ["debian-minimal", "vm", "block-device-efi", "subject"],
    elementPaths: [join(folder.path, "elements")],
    flags: { base: false, formats: ["raw", "tar"], cacheDir: join(cacheFolder, "elements"), rootLabel: "my-root" },
    env: {
      DIB_RELEASE: proxy.codename,
      DIB_DISTRIBUTION_MIRROR: proxy.mirror,
      DIB_DEBIAN_SECURITY_MIRROR: proxy.securityMirror,
      DIB_DEBIAN_KERNEL: "none",
      DIB_GRUB_TIMEOUT: "2",
    },
  };
  await folder.build(withSnapshots(request, folder));
  tree = await treeOfTar(`${folder.image}.tar`, join(folder.path, "tree"));
});

afterAll(async () => folder[Symbol.asyncDispose]());

const filesIn = (path: string) => [...tree.keys()].filter((each) => each.startsWith(`${path}/`));

testDifference("vm", "brings the layout that is asked for, and a boot loader", () => runOf(folder), {
  added: { "/boot/grub/grub.cfg": { kind: "file", owner: "0:0" } },
  changed: {
    "/etc/fstab": {
      after: fileOf("LABEL=my-root / ext4 defaults 0 1\nLABEL=MKFS_ESP /boot/efi vfat defaults 0 2\n"),
    },
  },
});

testDifference("bootloader", "GRUB is installed for both firmwares, with a menu", () => runOf(folder), {
  added: {
    "/boot/grub/grub.cfg": { kind: "file", owner: "0:0" },
    "/boot/grub/i386-pc/normal.mod": { kind: "file" },
    "/boot/grub/x86_64-efi/normal.mod": { kind: "file" },
    "/etc/default/grub": { kind: "file", mode: 0o644, owner: "0:0" },
  },
});

test("GRUB's packages are installed before the disk is made", () => {
  expect(textOf(tree, "/var/lib/dpkg/status")).toMatch(/^Package: grub-efi-amd64$/m);
  expect(folder.outputOf("50-bootloader").join("\n")).not.toMatch(/Unpacking|Setting up/);
});

test("each setting is in /etc/default/grub once, in place of what was there", () => {
  const text = textOf(tree, "/etc/default/grub");
  expect(text.match(/^GRUB_TIMEOUT=.*$/gm)).toEqual(['GRUB_TIMEOUT="2"']);
  expect(text).toContain(
    'GRUB_CMDLINE_LINUX_DEFAULT="console=tty0 console=ttyS0,115200 no_timer_check nofb nomodeset gfxpayload=text"\n',
  );
});

test("the menu starts the kernel with the root's label and a serial console, and names no other disk", () => {
  const config = textOf(tree, "/boot/grub/grub.cfg");
  expect(config).toMatch(/linux\s+\/boot\/vmlinuz-1\.2\.3 root=LABEL=my-root ro\s+console=tty0 console=ttyS0,115200/);
  expect(
    config.match(/root=\S+/g)?.filter((word) => !/LABEL=my-root|hd0|^root=[0-9a-f-]{36}$/.test(word)) ?? [],
  ).toEqual([]);
  expect(config).not.toMatch(/loop\d/);
});

test("a BIOS finds GRUB in the MBR and its modules in the root", () => {
  const sector = Buffer.alloc(512);
  const file = openSync(`${folder.image}.raw`, "r");
  readSync(file, sector, 0, 512, 0);
  closeSync(file);
  expect(sector.includes("GRUB")).toBe(true);
  expect(filesIn("/boot/grub/i386-pc")).toContain("/boot/grub/i386-pc/normal.mod");
});

test("EFI finds a program for removable media in the ESP, which looks for the root by its label", () => {
  const offset = execFileSync(
    "sh",
    ["-c", `sfdisk --json "$0" | grep -m1 '"start"' | tr -dc 0-9`, `${folder.image}.raw`],
    { encoding: "utf8" },
  );
  const program = execFileSync(
    "mcopy",
    ["-i", `${folder.image}.raw@@${Number(offset) * 512}`, "::/EFI/BOOT/BOOTX64.EFI", "-"],
    { env: { ...process.env, MTOOLS_SKIP_CHECK: "1" }, maxBuffer: 2 ** 24 },
  );
  expect(program.subarray(0, 2).toString()).toBe("MZ");
  expect(filesIn("/boot/grub/x86_64-efi")).toContain("/boot/grub/x86_64-efi/normal.mod");
});
