import { expect, test } from "vitest";
import { defaultDisk, diskHostCommands, planDisk } from "@dibjs/core/block-device/plan-disk.js";
import { isBuildError } from "@dibjs/core/errors.js";
import { diskSettings, efiDisk, mbrDisk, nodeTypes, plannedDisk } from "../../../support/toy-disk.js";

/** Every message of what planning throws. */
function findings(config: string): string {
  try {
    plannedDisk(config);
  } catch (error) {
    if (!isBuildError(error)) throw error;
    expect(["BLOCK_DEVICE_CONFIG_INVALID", "SEVERAL_FINDINGS"]).toContain(error.code);
    return error.message;
  }
  return "nothing";
}

const deepTree = `
- local_loop:
    name: image0
    partitioning:
      label: mbr
      partitions:
        - name: root
          flags: [boot, primary]
          size: 100%
          mkfs:
            type: ext4
            mount:
              mount_point: /
              fstab: { options: defaults, fsck-passno: 1 }
`;
const deepGraph = `
- fstab: { name: fstab_mount_mkfs_root, base: mount_mkfs_root, options: defaults, fsck-passno: 1 }
- mount: { name: mount_mkfs_root, base: mkfs_root, mount_point: / }
- mkfs: { name: mkfs_root, base: root, type: ext4 }
- partitioning:
    base: image0
    label: mbr
    partitions: [{ name: root, flags: [boot, primary], size: 100% }]
- local_loop: { name: image0 }
`;
const manyPartitions = `
- local_loop: { name: image0 }
- partitioning:
    base: image0
    label: gpt
    partitions:
      - { name: var_log, size: 10%, mkfs: { type: vfat, label: varlog, mount: { mount_point: /var/log } } }
      - { name: root, size: 55%, mkfs: { type: xfs, mount: { mount_point: /, fstab: { options: "noatime,discard" } } } }
      - { name: var, size: 40%, mkfs: { type: xfs, mount: { mount_point: /var } } }
      - { name: swap, size: 100%, type: 8200, mkfs: { type: swap, mount: { mount_point: swap, fstab: {} } } }
`;

test("a tree and the graph it stands for give the same nodes in the order of creation", () => {
  const names = ["image0", "root", "mkfs_root", "mount_mkfs_root", "fstab_mount_mkfs_root"];
  expect(plannedDisk(deepTree).nodes.map(({ name }) => name)).toEqual(names);
  expect(plannedDisk(deepGraph).nodes).toEqual(plannedDisk(deepTree).nodes);
});

test("partitions are created in the order of the table, mounts with parents first and swap last", () => {
  const names = plannedDisk(manyPartitions).nodes.map(({ name }) => name);
  const inOrder = (...wanted: string[]) => expect(names.filter((name) => wanted.includes(name))).toEqual(wanted);
  inOrder("var_log", "root", "var", "swap");
  inOrder("mount_mkfs_root", "mount_mkfs_var", "mount_mkfs_var_log", "mount_mkfs_swap");
  inOrder("var", "mkfs_var", "mount_mkfs_var");
});

test("what scripts are told of the disk: labels, type, and mount points as the config lists them", () => {
  expect(plannedDisk(manyPartitions)).toMatchObject({
    rootLabel: "img-rootfs",
    rootFsType: "xfs",
    bootLabel: "",
    mountPoints: ["/var/log", "/", "/var", "swap"],
  });
  const withBoot = efiDisk.replace("/boot/efi", "/boot");
  expect(plannedDisk(withBoot)).toMatchObject({
    rootLabel: "cloudimg-rootfs",
    rootFsType: "ext4",
    bootLabel: "MKFS_ESP",
  });
});

test("a mount point is the same however many slashes it is written with: parents still come first", () => {
  const odd = manyPartitions
    .replace("mount_point: /var/log", "mount_point: //var/log/")
    .replace("mount_point: / ", "mount_point: // ")
    .replace("mount_point: /,", 'mount_point: "//",');
  const [planned, plain] = [plannedDisk(odd), plannedDisk(manyPartitions)];
  expect(planned).toEqual(plain);
  expect(odd).not.toBe(manyPartitions);
});

test("mkfs_root takes its type, label and options from the settings, and nothing when it has its own", () => {
  const root = (config: string, settings = {}) =>
    plannedDisk(config, settings).nodes.find(({ name }) => name === "mkfs_root")?.values;
  expect(root(mbrDisk, { maxOnlineResize: 1000, mkfsOptions: "-O ^has_journal" })).toMatchObject({
    type: "ext4",
    label: "cloudimg-rootfs",
    opts: "-E resize=1000 -i 4096 -J size=8 -O ^has_journal",
  });
  expect(root(mbrDisk, { fsType: "xfs", rootLabel: "top" })).toMatchObject({ type: "xfs", label: "top", opts: "" });
  expect(root(deepTree.replace("type: ext4", "type: ext4\n            opts: -N 9"))).toMatchObject({ opts: "-N 9" });
});

test("without any layout the disk is one bare file system", () => {
  const planned = planDisk(defaultDisk, diskSettings, nodeTypes);
  expect(planned.nodes.map(({ name }) => name)).toEqual([
    "image0",
    "mkfs_root",
    "mount_mkfs_root",
    "fstab_mount_mkfs_root",
  ]);
});

test("an explicit size is taken as it is, whatever partitions there are", () => {
  expect(plannedDisk(efiDisk, { imageSizeGiB: 2.5 }).sizeBytes).toBe(2.5 * 2 ** 30);
});

test("types, labels and names are text as written, also where YAML 1.1 sees numbers", () => {
  const planned = plannedDisk(`
- local_loop: { name: image0 }
- partitioning:
    base: image0
    label: mbr
    partitions: [{ name: root, type: 0x0c, size: 0755, flags: [primary], mkfs: { type: ext4, label: 010, mount: { mount_point: / } } }]
`);
  expect(planned.nodes[1]?.values).toMatchObject({ type: "0x0c", size: "0755" });
  expect(planned.nodes[2]?.values).toMatchObject({ label: "010" });
});

test("the layout's sector size holds unless the settings say otherwise", () => {
  const fourK = mbrDisk.replace("name: image0", "name: image0\n    block_size: 4096");
  expect(plannedDisk(fourK).sectorSizeBytes).toBe(4096);
  expect(plannedDisk(mbrDisk, { sectorSizeBytes: 4096 }).sectorSizeBytes).toBe(4096);
  expect(plannedDisk(fourK, { sectorSizeBytes: 512 }).sectorSizeBytes).toBe(512);
});

test("disks of one layout have sectors of one size", () => {
  const two = `${mbrDisk}\n- local_loop: { name: image1, block_size: 4096 }`;
  expect(() => plannedDisk(two)).toThrow(
    expect.objectContaining({
      code: "BLOCK_DEVICE_CONFIG_INVALID",
      message: expect.stringContaining("every local_loop of a layout must have the same block_size") as string,
    }),
  );
});

test("the programs that the nodes need are named with their packages", () => {
  const commands = diskHostCommands(plannedDisk(efiDisk), nodeTypes);
  expect(commands.map(({ command }) => command)).toEqual([
    "losetup",
    "flock",
    "sfdisk",
    "partx",
    "mkfs.vfat",
    "mcopy",
    "mkfs.ext4",
    "mount",
    "fstrim",
  ]);
});

const partitions = (list: string, label = "mbr") =>
  `[{ local_loop: { name: image0 } }, { partitioning: { base: image0, label: ${label}, partitions: ${list} } }]`;
const onLoop = (rest: string) => `[{ local_loop: { name: image0 } }, ${rest}]`;

test.each([
  ["- local_loop: { name: a\n- x", "the test:2:"],
  ["a: 1", "must be a list"],
  ["- just text", 'Config entry not a dict: "just text"'],
  ["- { local_loop: { name: a }, mkfs: {} }", "Config entry top-level should be a single dict:"],
  ["- not_a_plugin: { name: a }", "Config entry is not a plugin value: not_a_plugin"],
  ["- mkfs: { type: ext4 }", "Config entry [mkfs] needs a 'name' or a 'base'"],
  [onLoop("{ mkfs: { name: m, base: this_is_not_a_node, type: ext4 } }"), "Edge not defined: this_is_not_a_node->m"],
  [
    "[{ local_loop: { name: this_is_a_duplicate } }, { local_loop: { name: this_is_a_duplicate } }]",
    "Duplicate node name: this_is_a_duplicate",
  ],
  [
    "[{ mkfs: { name: a, base: b, type: ext4 } }, { mkfs: { name: b, base: a, type: xfs } }]",
    "stand on each other in a circle: a, b",
  ],
  [onLoop("{ partitioning: { base: image0, label: mbr } }"), "Partitioning config needs 'partitions'"],
  [
    onLoop("{ partitioning: { base: image0, partitions: [{ name: a, size: 1M }] } }"),
    "Partitioning config needs 'label'",
  ],
  [
    onLoop("{ partitioning: { name: p, label: mbr, partitions: [{ name: a, size: 1M }] } }"),
    "Partitioning config needs 'base'",
  ],
  [partitions("[{ name: a, size: 1M }]", "bsd"), "Label must be 'mbr' or 'gpt'"],
  [partitions("[{ name: a }]"), "No size in partition a"],
  [partitions("[{ name: a, size: lots }]"), 'size "lots" is not a size'],
  [partitions("[{ name: a, size: 768KiB }]", "gpt"), 'size "768KiB" is less than 1 MiB'],
  [partitions("[{ name: a, size: 1M, flags: [best] }]"), "Unknown flag: best"],
  [partitions("[{ name: a, size: 1MiB, flags: [primary] }]", "gpt"), "Primary flag not supported for GPT partitions"],
  [
    partitions("[{ name: a, size: 1M }, { name: b, size: 1M, flags: [primary] }]"),
    "All primary partitions must be given first",
  ],
  [partitions("[{ name: a, size: 1M, type: XYZ }]"), 'type "XYZ" is not known for mbr'],
  [partitions("[{ size: 1M }]"), "a partition needs a 'name'"],
  [onLoop("{ mkfs: { base: image0 } }"), "Mkfs config needs [type]"],
  [
    onLoop("{ mkfs: { base: image0, type: ext4, label: a-label-that-is-long } }"),
    "Label [a-label-that-is-long] too long for filesystem [ext4]: 20 > 16",
  ],
  [
    onLoop("{ mkfs: { base: image0, type: vfat, label: twelve-chars } }"),
    "Label [TWELVE-CHARS] too long for filesystem [vfat]: 12 > 11",
  ],
  [
    "[{ local_loop: { name: i, mkfs: { type: ext4, label: L } } }, { local_loop: { name: j, mkfs: { type: ext4, label: L } } }]",
    "File system label [L] used more than once",
  ],
  [onLoop(`{ mkfs: { base: image0, type: ext4, label: "a\\nb" } }`), "can't be used"],
  [onLoop("{ mkfs: { base: image0, type: ext4, uuid: 1234 } }"), "is not a UUID"],
  [onLoop(`{ mkfs: { base: image0, type: ext4, opts: "-L 'open" } }`), "quote that is not closed"],
  [
    onLoop("{ mkfs: { base: image0, type: btrfs, opts: -f /dev/sda } }"),
    '"/dev/sda" in opts can\'t be used with btrfs',
  ],
  [
    onLoop("{ partitioning: { base: image0, label: mbr, partitions: [{ name: 'a]=1 $(cmd) [b', size: 100% }] } }"),
    'name "a]=1 $(cmd) [b" must be of letters',
  ],
  [onLoop("{ mkfs: { base: image0, type: ext4, mount: {} } }"), "MountPoint config needs [mount_point]"],
  [onLoop("{ mkfs: { base: image0, type: ext4, mount: { mount_point: relative } } }"), "must be an absolute path"],
  [onLoop("{ mkfs: { base: image0, type: ext4, mount: { mount_point: /../etc } } }"), "must be an absolute path"],
  [
    "[{ local_loop: { name: i, mkfs: { type: ext4, mount: { mount_point: / } } } }, { local_loop: { name: j, mkfs: { type: ext4, mount: { mount_point: // } } } }]",
    "specified more than once",
  ],
  [
    onLoop(`{ mkfs: { base: image0, type: ext4, mount: { mount_point: /, fstab: { options: "a b" } } } }`),
    "must be one word",
  ],
  ["- local_loop: { name: ../../etc/x }", "must be usable as a file name"],
  ["- local_loop: { name: a, directory: /dev }", "'directory' is not supported"],
  ["- local_loop: { name: a, block_size: 1024 }", "must be 512 or 4096"],
  ["- local_loop: { name: a, size: 50% }", 'size "50%" is not a size'],
  ["- &a { mkfs: *a }", "circular"],
  [onLoop("{ mkfs: { base: image0, type: ext4, mount: { mount_point: /root } } }"), "no file system is mounted at /"],
  [
    partitions(
      "[{ name: a, size: 1MiB, mkfs: { type: swap, mount: { mount_point: a } } }, { name: b, size: 1MiB, mkfs: { type: swap, mount: { mount_point: b } } }]",
    ),
    "a layout mounts one swap",
  ],
])("%s: %s", (config, message) => {
  expect(findings(config)).toContain(message);
});

test("everything that is wrong is said at once", () => {
  const said = findings(partitions("[{ name: a, size: lots, flags: [best], mkfs: {} }]"));
  expect(said).toContain("Unknown flag: best");
  expect(said).toContain('size "lots"');
  expect(said).toContain("Mkfs config needs [type]");
});
