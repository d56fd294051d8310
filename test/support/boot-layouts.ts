/** Layouts on volumes that a Debian boots from, and the tree that is put on them. */
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { anElement, type ElementFixture } from "./build-fixture.js";
import { debianEnvironment, password } from "./debian-build.js";
import { runDib } from "./dib.js";

export const diskPassphrase = `disk ${password}`;

const start = (boot: string) => `
- local_loop:
    name: image0
- partitioning:
    base: image0
    label: gpt
    partitions:
      - { name: BSP, type: EF02, size: 8MiB }
${boot}
      - { name: system, size: 100% }
`;

/** A machine that is emulated on a busy one may take longer than systemd waits for a device. */
const bootPartition = `
      - name: boot
        size: 400MiB
        mkfs:
          type: ext4
          mount: { mount_point: /boot, fstab: { options: "defaults,x-systemd.device-timeout=900", fsck-passno: 2 } }
`;

const root = (base: string) => `
- mkfs:
    name: fs_root
    base: ${base}
    type: ext4
    mount: { mount_point: /, fstab: { options: defaults, fsck-passno: 1 } }
`;

const volumes = (base: string, lvs: string) => `
- lvm:
    name: lvm
    pvs: [{ name: pv, base: ${base} }]
    vgs: [{ name: sysvg, base: [pv] }]
    lvs: ${lvs}
`;

/** By name: all of it on LVM, the root in a thin pool, the root encrypted below LVM. */
export const bootLayouts = {
  lvm: start("") + volumes("system", "[{ name: root, base: sysvg, extents: 100%FREE }]") + root("root"),
  thin:
    start(bootPartition) +
    volumes(
      "system",
      "[{ name: pool, type: thin-pool, base: sysvg, size: 1800MiB }, { name: root, type: thin, thin-pool: pool, base: sysvg, size: 3GiB }]",
    ) +
    root("root"),
  luks:
    start(bootPartition) +
    `
- luks:
    name: crypt_system
    base: system
    passphrase: { variable: DIB_DISK_PASSPHRASE }
    pbkdf: pbkdf2
    options: ["--iter-time=50"]
    crypttab: { options: luks }
` +
    volumes("crypt_system", "[{ name: root, base: sysvg, extents: 100%FREE }]") +
    root("root"),
} as const;

/** What the layouts need of the image, beside an operating system. */
export const bootElements = ["block-device-gpt", "bootloader", "lvm", "luks"] as const;

/** A Debian with all packages of the elements, as `FOLDER/tree.tar`: only a disk is missing. */
export async function buildTree(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  // A guest would take minutes to make an initramfs with gzip.
  const options = ["-p", "zstd", "-o", "tree", "-t", "tar", "--logfile", "build.log"];
  const built = await runDib(["build", "debian", "vm", "devuser", ...bootElements, ...options], {
    cwd: folder,
    env: await debianEnvironment(),
  });
  if (built.exitCode !== 0) throw new Error(`dib build ended with ${built.exitCode}\n${built.stderr.slice(-4000)}`);
}

/** An operating system that is that tree. Its packages are there already. */
export const treeElement = (folder: string): ElementFixture =>
  anElement("tree")
    .provides("operating-system")
    .script(
      "root.d/10-tree",
      `set -eu\ntar -C "$TARGET_ROOT" --numeric-owner --xattrs -xpf ${join(folder, "tree.tar")}`,
    )
    .script("pre-install.d/02-install-packages", "ln -sf /bin/true /usr/local/bin/install-packages")
    .file("environment.d/10-tree", "export DISTRO_NAME=debian DIB_RELEASE=bookworm DIB_INIT_SYSTEM=systemd\n");
