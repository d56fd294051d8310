import { execFileSync } from "node:child_process";
import { readFileSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { expect, test } from "vitest";
import { createExec, type Exec } from "@dibjs/core/process/exec.js";
import { createToyDisk, diskContext, eachInScratch, efiDisk, mbrDisk, scratchFolder } from "../support/toy-disk.js";

let scratch: ReturnType<typeof scratchFolder>;
eachInScratch((made) => {
  scratch = made;
});

const run = (file: string, ...args: string[]) =>
  execFileSync(file, args, { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });

/** Every file with what can be lost on the way, one a line. */
function listTree(root: string): string {
  const format = "%P %y %m %U %G %l";
  const find = `cd "$1" && find . -mindepth 1 -path ./lost+found -prune -o -path ./etc/fstab -prune -o \\( -type d -printf '${format}\\n' -o -printf '${format} %n %s %t\\n' \\) | LC_ALL=C sort`;
  return run("sh", "-c", find, "sh", root);
}

test("an MBR disk holds the tree with everything that a copy can lose, and nothing is left on the host afterwards", async () => {
  const { disk, mountBase } = await createToyDisk(mbrDisk, scratch, diskContext());
  await using _ = disk;
  expect(listTree(mountBase)).toBe(listTree(join(scratch.path, "tree")));
  expect(run("getcap", join(mountBase, "usr/bin/twin"))).toContain("cap_net_raw=ep");
  expect(statSync(join(mountBase, "var/log/sparse")).blocks).toBeLessThan(100);
  expect(readFileSync(join(mountBase, "etc/fstab"), "utf8")).toBe(
    "LABEL=cloudimg-rootfs / ext4 defaults,noatime 0 1\n",
  );
  const { IMAGE_BLOCK_DEVICE: device = "" } = disk.environment;
  expect(disk.environment.IMAGE_BLOCK_DEVICES).toBe(` [image0]=${device}  [root]=${device}p1 `);
  expect(disk.deviceNodes.map(({ path }) => path)).toEqual([device, `${device}p1`]);
  expect(disk.report).toMatchObject({
    origin: "the test",
    partitions: [{ name: "root", offsetBytes: 2 ** 20 }],
    fileSystems: [{ label: "cloudimg-rootfs", mountPoint: "/" }],
  });
  await disk.unmount();
  expect(partitionsOf(disk.image)).toMatchObject([{ start: 2048, type: "83", bootable: true }]);
  expect(run("e2fsck", "-fn", `${disk.image}?offset=${2 ** 20}`)).toContain("cloudimg-rootfs");
});

test("an explicit size of the loop is rounded up as a computed one is: an image is whole sectors", async () => {
  const { disk } = await createToyDisk(
    mbrDisk.replace("name: image0", "name: image0\n    size: 100000001"),
    scratch,
    diskContext(),
  );
  await using _ = disk;
  expect(statSync(disk.image).size).toBe(1526 * 64 * 1024);
  expect(disk.report.sizeBytes).toBe(1526 * 64 * 1024);
});

interface SfdiskPartition {
  readonly start: number;
  readonly size: number;
  readonly type: string;
  readonly name?: string;
}
const partitionsOf = (image: string) =>
  (JSON.parse(run("sfdisk", "--json", image)) as { partitiontable: { partitions: SfdiskPartition[] } }).partitiontable
    .partitions;

test("an EFI disk: the ESP holds what lay at its mount point, and the root does not hold it twice", async () => {
  const { disk, mountBase } = await createToyDisk(efiDisk, scratch, diskContext());
  await using _ = disk;
  run("mkdir", "-p", join(mountBase, "boot/efi/EFI/BOOT"));
  writeFileSync(join(mountBase, "boot/efi/EFI/BOOT/BOOTX64.EFI"), "loader");
  writeFileSync(join(mountBase, "boot/efi/a long name.txt"), "long");
  await disk.unmount();
  const [esp, bsp, root] = partitionsOf(disk.image);
  expect([esp?.name, bsp?.name, root?.name]).toEqual(["ESP", "BSP", "root"]);
  expect([esp?.type, bsp?.type]).toEqual([
    "C12A7328-F81F-11D2-BA4B-00A0C93EC93B",
    "21686148-6449-6E6F-744E-656564454649",
  ]);
  expect([esp?.start, bsp?.start, root?.start]).toEqual([2048, 2048 + 64 * 2048, 2048 + 72 * 2048]);
  const fat = `${disk.image}@@${(esp?.start ?? 0) * 512}`;
  expect(run("mtype", "-i", fat, "::/EFI/BOOT/BOOTX64.EFI")).toBe("loader");
  expect(run("mtype", "-i", fat, "::/a long name.txt")).toBe("long");
  expect(run("mdir", "-i", fat, "-b", "::")).not.toContain("hostname");
  const loop = run("debugfs", "-R", "ls -p /boot/efi", `${disk.image}?offset=${(root?.start ?? 0) * 512}`);
  expect(loop.split("\n").filter((line) => line.includes("EFI"))).toEqual([]);
});

test("several file systems of several kinds on logical partitions, parents mounted first", async () => {
  const config = `
- local_loop: { name: image0, size: 1400MiB }
- partitioning:
    base: image0
    label: mbr
    partitions:
      - { name: boot, flags: [primary, boot], size: 64MiB, mkfs: { type: ext2, label: boot, mount: { mount_point: /boot, fstab: {} } } }
      - { name: root, size: 400MiB, mkfs: { type: xfs, label: top, mount: { mount_point: /, fstab: { fsck-passno: 1 } } } }
      - { name: log, size: 200MiB, mkfs: { type: btrfs, label: log, mount: { mount_point: /var/log, fstab: {} } } }
      - { name: swap, size: 50%, type: 0x82, mkfs: { type: swap, label: swap, mount: { mount_point: swap, fstab: {} } } }
`;
  const ctx = diskContext();
  const { disk, mountBase } = await createToyDisk(config, scratch, ctx);
  await using _ = disk;
  expect(disk.state.mountOrder).toEqual(["/", "/boot", "/var/log", "none"]);
  const types = ["/", "/boot", "/var/log"].map((place) => run("stat", "-f", "-c", "%T", join(mountBase, place)).trim());
  expect(types).toEqual(["xfs", "ext2/ext3", "btrfs"]);
  expect(readFileSync(join(mountBase, "etc/fstab"), "utf8").split("\n")).toEqual([
    "LABEL=top / xfs defaults 0 1",
    "LABEL=boot /boot ext2 defaults 0 2",
    "LABEL=log /var/log btrfs defaults 0 2",
    "LABEL=swap none swap sw 0 0",
    "",
  ]);
  expect(statSync(join(mountBase, "var/log/sparse")).size).toBe(2 ** 26);
  await disk.unmount();
  expect(partitionsOf(disk.image).map(({ start, type }) => [start, type])).toEqual([
    [2048, "83"],
    [133120, "f"],
    [135168, "83"],
    [956416, "83"],
    [1368064, "82"],
  ]);
  expect(ctx.events.filter(({ type }) => type === "unmount").map((event) => "target" in event && event.target)).toEqual(
    ["/var/log", "/boot", ""].map((place) => mountBase + place),
  );
});

test("every MBR vector of DIB is what partx reads from the disk", async () => {
  const logical = Array.from({ length: 7 }, (_, index) => `{ name: l${index}, size: 10MiB }`);
  const primary = Array.from({ length: 3 }, (_, index) => `{ name: p${index}, size: 10MiB, flags: [primary] }`);
  const config = `[{ local_loop: { name: image0, size: 1GiB } }, { partitioning: { base: image0, label: mbr, partitions: [${[...primary, ...logical].join(", ")}] } },
    { local_loop: { name: other, size: 40MiB, mkfs: { type: ext4, mount: { mount_point: / } } } }]`;
  const { disk } = await createToyDisk(config, scratch, diskContext());
  await using _ = disk;
  expect(disk.image).toBe(join(scratch.path, "images/other.raw"));
  await disk.unmount();
  const rows = run(
    "partx",
    "--raw",
    "-o",
    "NR,START,END,TYPE,FLAGS,SCHEME",
    "-g",
    "-b",
    "-",
    join(scratch.path, "images/image0.raw"),
  )
    .trim()
    .split("\n");
  expect(rows).toHaveLength(11);
  expect(rows.slice(0, 5)).toEqual([
    "1 2048 22527 0x83 0x0 dos",
    "2 22528 43007 0x83 0x0 dos",
    "3 43008 63487 0x83 0x0 dos",
    "4 63488 2097151 0xf 0x0 dos",
    "5 65536 86015 0x83 0x0 dos",
  ]);
  expect(rows[10]).toBe("11 200704 221183 0x83 0x0 dos");
});

test("a disk with sectors of 4096 bytes", async () => {
  const { disk } = await createToyDisk(efiDisk, scratch, diskContext(), { sectorSizeBytes: 4096 });
  await using _ = disk;
  const { IMAGE_BLOCK_DEVICE: device = "" } = disk.environment;
  expect(run("blockdev", "--getss", device).trim()).toBe("4096");
  expect(partitionsOf(device).map(({ start, size }) => [start, size].map((sectors) => sectors / 256))).toEqual([
    [1, 64],
    [65, 8],
    [73, expect.any(Number)],
  ]);
  await disk.unmount();
});

test("the lock for taking a loop device lies where no other user can hold it or be in its way", async () => {
  const real = createExec();
  let lock = "";
  const exec: Exec = (file, args, options) => {
    if (file === "flock") lock = args.find((arg) => arg.startsWith("/")) ?? "";
    return real(file, args, options);
  };
  const { disk } = await createToyDisk(mbrDisk, scratch, diskContext(exec));
  await using _ = disk;
  const [{ uid, mode }, folder] = [statSync(lock), statSync(dirname(lock))];
  expect([uid, folder.uid]).toEqual([0, 0]);
  expect([mode & 0o022, folder.mode & 0o077]).toEqual([0, 0]);
});

test("four disks at once each get a loop device of their own", async () => {
  const folders = Array.from({ length: 4 }, () => scratchFolder());
  try {
    const disks = await Promise.all(
      folders.map(async (own, index) => {
        execFileSync("cp", ["-a", join(scratch.path, "tree"), own.path]);
        writeFileSync(join(own.path, "tree/which"), String(index));
        return createToyDisk(mbrDisk, own, diskContext());
      }),
    );
    expect(new Set(disks.map(({ disk }) => disk.environment.IMAGE_BLOCK_DEVICE)).size).toBe(4);
    expect(disks.map(({ mountBase }) => readFileSync(join(mountBase, "which"), "utf8"))).toEqual(["0", "1", "2", "3"]);
    await Promise.all(disks.map(({ disk }) => disk.unmount()));
  } finally {
    for (const own of folders) own.remove();
  }
});
