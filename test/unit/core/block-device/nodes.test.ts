import { expect, test } from "vitest";
import { deviceNumber } from "@dibjs/core/block-device/device-number.js";
import type { DiskState } from "@dibjs/core/block-device/node.js";
import { formatFstab } from "@dibjs/core/block-device/nodes/fstab.js";
import { fileSystemOf, mkfsCommand, splitWords } from "@dibjs/core/block-device/file-system.js";

const node = (values: Record<string, unknown>, name = "mkfs_root") => ({ type: "mkfs", name, base: "root", values });
const uuid = "11111111-2222-3333-4444-555555555555";

test.each([
  [node({ type: "xfs", uuid }), `mkfs.xfs -L mkfs_root -m uuid=${uuid} -q DEV`],
  [
    node({ type: "ext4", uuid, label: "top", opts: "-i  4096 -J size=64" }),
    `mkfs.ext4 -i 4096 -J size=64 -L top -U ${uuid} -q DEV`,
  ],
  [node({ type: "vfat", label: "varlog", uuid: "ABCD-1234" }), "mkfs.vfat -n VARLOG -i ABCD1234 DEV"],
  [node({ type: "swap", uuid }, "mkfs_swap"), `mkswap -L mkfs_swap -U ${uuid} DEV`],
  [node({ type: "btrfs", uuid }), `mkfs.btrfs -L mkfs_root -U ${uuid} -q DEV`],
])("mkfs %#: program and arguments", (config, command) => {
  expect(mkfsCommand(fileSystemOf(config), "DEV").join(" ")).toBe(command);
});

test("without a UUID one is drawn, of the kind that the file system has", () => {
  expect(fileSystemOf(node({ type: "ext4" })).uuid).toMatch(/^[0-9a-f-]{36}$/);
  expect(fileSystemOf(node({ type: "vfat" })).uuid).toMatch(/^[0-9A-F]{4}-[0-9A-F]{4}$/);
});

test("options are words: quotes hold them together, and no shell sees them", () => {
  expect(splitWords(`-E root_owner='0 0'  "; rm -rf /" $(x)`)).toEqual(["-E", "root_owner=0 0", "; rm -rf /", "$(x)"]);
  expect(splitWords(undefined)).toEqual([]);
  expect(splitWords(["-E", "a b"])).toEqual(["-E", "a b"]);
});

function state(label: string, mountPoint: string): DiskState {
  return {
    ...{ blockdev: new Map(), pvs: new Map(), vgs: new Map(), crypttab: new Map() },
    filesys: new Map([
      ["mkfs_root", { uuid, label, fstype: "ext4", opts: [], device: "DEV" }],
      ["mkfs_swap", { uuid, label: "swap", fstype: "swap", opts: [], device: "DEV2" }],
      ["mkfs_data", { uuid, label: "data", fstype: "xfs", opts: [], device: "DEV3" }],
    ]),
    mount: new Map([
      [mountPoint, { name: "mount_mkfs_root", base: "mkfs_root", path: "/" }],
      ["/data", { name: "mount_mkfs_data", base: "mkfs_data", path: "/data" }],
      ["none", { name: "mount_mkfs_swap", base: "mkfs_swap", path: "none" }],
    ]),
    mountOrder: [mountPoint, "/data", "none"],
    fstab: new Map([
      ["mount_mkfs_root", { name: "f", base: "mount_mkfs_root", options: "noatime", dumpFreq: 0, fsckPassno: 1 }],
      ["mount_mkfs_swap", { name: "g", base: "mount_mkfs_swap", options: "defaults", dumpFreq: 5, fsckPassno: 5 }],
    ]),
  };
}

test("fstab has a line for each mount that asks for one, in mount order; swap has its own options", () => {
  expect(formatFstab(state("root", "/"))).toBe("LABEL=root / ext4 noatime 0 1\nLABEL=swap none swap sw 0 0\n");
});

test("white space, # and backslash are escaped in fstab", () => {
  expect(formatFstab(state("my #1\\", "/a b"))).toContain("LABEL=my\\040\\0431\\134 /a\\040b ext4");
});

test("device numbers split as glibc does, also beyond 8 bits", () => {
  expect(deviceNumber(0x0700n)).toEqual({ major: 7, minor: 0 });
  expect(deviceNumber((259n << 8n) | (300n % 256n) | (1n << 20n))).toEqual({ major: 259, minor: 300 });
});
