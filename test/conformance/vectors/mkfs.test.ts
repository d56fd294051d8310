import { execFileSync } from "node:child_process";
import { expect, test } from "vitest";
import { ConfigPlaces } from "@dibjs/core/block-device/config-places.js";
import { fileSystemOf, mkfsCommand } from "@dibjs/core/block-device/file-system.js";
import { flattenConfig } from "@dibjs/core/block-device/graph.js";
import { parseBlockDeviceConfig } from "@dibjs/core/block-device/parse-config.js";
import { assembleGraph } from "@dibjs/core/block-device/plan-disk.js";
import { parseSize, resolveSize, sizeForContent } from "@dibjs/core/block-device/sizes.js";
import { createBlockDevice, deleteBlockDevice, initBlockDevice, unmountBlockDevice } from "@dibjs/core";
import { createExec, type Exec } from "@dibjs/core/process/exec.js";
import { BlockDeviceFolder } from "../../support/block-device-folder.js";
import { nodeTypes, plannedDisk } from "../../support/toy-disk.js";
import { vector } from "../../support/vectors.js";
import type { VectorId } from "./sources.js";

function graphOf(config: string) {
  const places = new ConfigPlaces("the vector");
  return assembleGraph(flattenConfig(parseBlockDeviceConfig(config, places), nodeTypes, places), nodeTypes, places);
}

const disk = (partitions: readonly string[], size = "2GiB") =>
  `- local_loop: { name: image0, size: ${size} }\n- partitioning: { base: image0, label: gpt, partitions: [${partitions.join(", ")}] }\n`;
const partition = (name: string, size: string, mkfs: string, place: string) =>
  `{ name: ${name}, size: ${size}, mkfs: { ${mkfs}, mount: { mount_point: ${place} } } }`;

const refused: readonly (readonly [VectorId, string, string])[] = [
  [
    "mkfs/duplicate-labels",
    disk([partition("a", "50%", "type: xfs, label: same", "/"), partition("b", "50%", "type: xfs, label: same", "/b")]),
    "File system label [same] used more than once",
  ],
  [
    "mkfs/label-too-long",
    disk([partition("a", "50%", "type: xfs, label: longer_than_xfs_takes", "/")]),
    "Label [longer_than_xfs_takes] too long for filesystem [xfs]: 21 > 12",
  ],
];
for (const [id, config, message] of refused)
  vector(id, () => {
    expect(() => graphOf(config)).toThrow(
      expect.objectContaining({
        code: "BLOCK_DEVICE_CONFIG_INVALID",
        message: expect.stringContaining(message) as string,
      }) as Error,
    );
  });

/** Programs that make, mount, trim and unmount, with what they are about; devices as the number of their partition. */
async function sequenceOf(config: string): Promise<readonly string[]> {
  using folder = new BlockDeviceFolder(config, { "root-label": undefined });
  const parameters = await folder.read();
  const sequence: string[] = [];
  const real = createExec();
  const exec: Exec = (file, args, options) => {
    const words = [file, ...args.filter((arg) => arg !== "--")].join(" ");
    if (/^(mk|mount|sync|fstrim|umount)/.test(words))
      sequence.push(words.replaceAll(`${folder.path}/build/mnt`, "/fake").replace(/\/dev\/loop\d+p/, "DEV"));
    return real(file, args, options);
  };
  await initBlockDevice(parameters);
  try {
    await createBlockDevice(parameters, folder.services(exec));
    sequence.push(...(folder.json("state.json") as { mount_order: string[] }).mount_order);
    await unmountBlockDevice(parameters, folder.services(exec));
  } finally {
    await deleteBlockDevice(parameters, folder.services());
  }
  return sequence;
}

const uuid = (digit: number) => `11111111-2222-3333-4444-55555555550${digit}`;

vector("mount/order", async () => {
  const config = disk([
    partition("root", "54%", `type: xfs, uuid: ${uuid(1)}`, "/"),
    partition("var", "40%", `type: xfs, uuid: ${uuid(2)}`, "/var"),
    partition("var_log", "60%", "type: ext2, label: varlog", "/var/log"),
    partition("swap", "100%", `type: swap, uuid: ${uuid(3)}`, "none"),
  ]);
  const sequence = await sequenceOf(config);
  const making = sequence.filter((command) => command.startsWith("mk"));
  expect(new Set(making.map((command) => command.replace(/-U \S+ -q DEV3/, "-q DEV3")))).toEqual(
    new Set([
      `mkfs.xfs -L mkfs_root -m uuid=${uuid(1)} -q DEV1`,
      `mkfs.xfs -L mkfs_var -m uuid=${uuid(2)} -q DEV2`,
      "mkfs.ext2 -L varlog -q DEV3",
      `mkswap -L mkfs_swap -U ${uuid(3)} DEV4`,
    ]),
  );
  expect(sequence.filter((command) => !command.startsWith("mk"))).toEqual([
    ...[
      "mount -t xfs -o nouuid DEV1 /fake",
      "mount -t xfs -o nouuid DEV2 /fake/var",
      "mount -t ext2 DEV3 /fake/var/log",
    ],
    ...["/", "/var", "/var/log", "none"],
    ...["/fake/var/log", "/fake/var", "/fake"].flatMap((path) => [`sync -f ${path}`, `fstrim ${path}`]),
    ...["umount /fake/var/log", "umount /fake/var", "umount /fake"],
  ]);
});

vector(
  "mount/order",
  () => {
    const vfat = fileSystemOf({
      type: "mkfs",
      name: "mkfs_var_log",
      values: { type: "vfat", label: "varlog", uuid: "C0FF-EE00" },
    });
    expect(mkfsCommand(vfat, "DEV")).toEqual(["mkfs.vfat", "-n", "VARLOG", "-i", "C0FFEE00", "DEV"]);
  },
  "the label of vfat is in capitals",
);

vector("mount/unsorted", async () => {
  const config = disk(
    [
      partition("swap", "8MiB", "type: swap", "swap"),
      partition("var", "20MiB", "type: ext4", "/var"),
      partition("boot", "20MiB", "type: ext2", "/boot"),
      partition("root", "100%", "type: ext4", "/"),
    ],
    "100MiB",
  );
  const sequence = await sequenceOf(config);
  expect(sequence.filter((command) => /^(mount|umount|\/|none)/.test(command))).toEqual([
    ...[
      "mount -t ext4 -o noinit_itable DEV4 /fake",
      "mount -t ext2 DEV3 /fake/boot",
      "mount -t ext4 -o noinit_itable DEV2 /fake/var",
    ],
    ...["/", "/boot", "/var", "none"],
    ...["umount /fake/var", "umount /fake/boot", "umount /fake"],
  ]);
});

const bytesOf = (written: string) => {
  const size = parseSize(written);
  return size === undefined ? undefined : resolveSize(size, 0);
};
const sizes: readonly (readonly [VectorId, string, number | undefined])[] = [
  ["size/absolute", "154MiB", 161480704],
  ["size/without-unit", "198", 198],
  ["size/invalid-unit", "747InVaLiDUnIt", undefined],
  ["size/broken", "_+!HuHi+-=", undefined],
  ["size/table", "20TiB", 20 * 1024 ** 4],
  ["size/table", "1024KiB", 1024 * 1024],
  ["size/table", "1.2TB", 1.2e12],
  ["size/table", "2.4T", 2.4e12],
  ["size/table", "512B", 512],
  ["size/table", "364", 364],
];
for (const [id, written, bytes] of sizes) vector(id, () => expect(bytesOf(written)).toBe(bytes), written);

const bare = (type: string) => `
- local_loop: { name: image0, mkfs: { name: mkfs_root, type: ${type}, mount: { mount_point: / } } }
`;
const mib = 2 ** 20;
interface SizeRow {
  readonly id: VectorId;
  readonly type: string;
  readonly contentBytes: number;
  readonly settings: Parameters<typeof plannedDisk>[1];
  readonly gives: number;
}
/** dib-behaviour of DIB's main script: D / 0.6, or D and the extra size; the journal for ext4; up to 64 KiB. */
const computed: readonly SizeRow[] = [
  {
    id: "image-size/computed",
    type: "ext4",
    contentBytes: 600 * mib,
    settings: { mkfsJournalSizeMiB: 64 },
    gives: 1064 * mib,
  },
  {
    id: "image-size/computed",
    type: "ext4",
    contentBytes: 600 * mib,
    settings: { mkfsJournalSizeMiB: 512 },
    gives: 1512 * mib,
  },
  { id: "image-size/computed", type: "ext2", contentBytes: 600 * mib, settings: {}, gives: 1000 * mib },
  { id: "image-size/computed", type: "ext2", contentBytes: 600 * mib + 1024, settings: {}, gives: 1000 * mib + 65536 },
  {
    id: "image-size/extra",
    type: "ext2",
    contentBytes: 600 * mib,
    settings: { imageExtraSizeMiB: 100 },
    gives: 700 * mib,
  },
  {
    id: "image-size/extra",
    type: "ext4",
    contentBytes: 600 * mib,
    settings: { imageExtraSizeMiB: 100, mkfsJournalSizeMiB: 64 },
    gives: 764 * mib,
  },
];
for (const { id, type, contentBytes, settings, gives } of computed)
  vector(
    id,
    () => expect(sizeForContent(plannedDisk(bare(type), settings), contentBytes)).toBe(gives),
    `${type} ${contentBytes}`,
  );

for (const [gib, bytes] of [
  [2, 2 ** 31],
  [2.5, 2.5 * 2 ** 30],
  [0.00001, 65536],
] as const)
  vector(
    "image-size/given",
    () => expect(plannedDisk(bare("ext4"), { imageSizeGiB: gib }).sizeBytes).toBe(bytes),
    `${gib} GiB`,
  );

const options: readonly (readonly [string, Parameters<typeof plannedDisk>[1], string])[] = [
  ["ext4", { mkfsJournalSizeMiB: 64 }, "-i 4096 -J size=64"],
  ["ext4", { mkfsJournalSizeMiB: 512, mkfsOptions: "-O ^64bit" }, "-i 4096 -J size=512 -O ^64bit"],
  ["ext4", { maxOnlineResize: 1000, mkfsJournalSizeMiB: 64 }, "-E resize=1000 -i 4096 -J size=64"],
  ["xfs", { mkfsOptions: "-n ftype=1" }, "-n ftype=1"],
];
for (const [type, settings, opts] of options)
  vector(
    "image-size/options",
    () => {
      const root = plannedDisk(bare(type), settings).nodes.find(({ name }) => name === "mkfs_root");
      expect(root?.values["opts"] ?? "").toBe(opts);
    },
    `${type} ${opts}`,
  );

interface Made {
  readonly type: string;
  readonly label: string;
  readonly uuid: string;
  readonly opts?: string;
  readonly size?: string;
}
const made: readonly Made[] = [
  { type: "ext2", label: "label-of-16-char", uuid: uuid(1), opts: "-m 0" },
  { type: "ext3", label: "yes", uuid: uuid(2) },
  { type: "ext4", label: "0x83", uuid: uuid(3), opts: "-O ^metadata_csum -E lazy_itable_init=1" },
  { type: "xfs", label: "label-of-12c", uuid: uuid(4), opts: "-i size=1024", size: "400MiB" },
  { type: "btrfs", label: "a longer label, with spaces", uuid: uuid(5), opts: "-M", size: "200MiB" },
  { type: "vfat", label: "ELEVEN CHAR", uuid: "1234-ABCD", opts: "-F 32 -s 1" },
  { type: "swap", label: "123", uuid: uuid(6), opts: "-p 4096" },
];
test.each(made)("$type has the label, the UUID and the options that were asked for", async (asked) => {
  const { type, label, uuid: id, opts, size = "64MiB" } = asked;
  const value = (text: string) => (/^\w+$/.test(text) ? text : JSON.stringify(text));
  const words = [
    `type: ${type}`,
    `label: ${value(label)}`,
    `uuid: ${id}`,
    ...(opts === undefined ? [] : [`opts: ${value(opts)}`]),
  ];
  using folder = new BlockDeviceFolder(
    `- local_loop: { name: image0, size: ${size}, mkfs: { ${words.join(", ")} } }\n`,
  );
  const parameters = await folder.read();
  await initBlockDevice(parameters);
  await createBlockDevice(parameters, folder.services());
  const { blockdev } = folder.json("state.json") as { blockdev: { image0: { device: string } } };
  const read = execFileSync("blkid", ["-p", "-o", "export", blockdev.image0.device], { encoding: "utf8" });
  await deleteBlockDevice(parameters, folder.services());
  const found = Object.fromEntries(read.split("\n").map((line) => line.split("=")) as [string, string][]);
  expect({ type: found["TYPE"], label: found["LABEL"], uuid: found["UUID"] }).toEqual({
    type,
    label: label.replaceAll(" ", "\\ "),
    uuid: id,
  });
});
