import { execFileSync } from "node:child_process";
import { truncateSync, writeFileSync } from "node:fs";
import { open } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { formatSfdiskScript, layOutPartitions } from "@dibjs/core/block-device/partition-table.js";
import { createBlockDevice, deleteBlockDevice, getBlockDeviceValue, initBlockDevice } from "@dibjs/core";
import { BlockDeviceFolder } from "../../support/block-device-folder.js";
import { imageOf, makeImage, tableIn } from "../../support/block-device-image.js";
import { tempFolder } from "../../support/temp-folder.js";
import { vector } from "../../support/vectors.js";
import type { VectorId } from "./sources.js";

/** Number, first and last sector, type, flags, kind of table. */
const partx = (image: string) =>
  execFileSync("partx", ["--raw", "-o", "NR,START,END,TYPE,FLAGS,SCHEME", "-g", "-b", "-", image], { encoding: "utf8" })
    .split("\n")
    .filter(Boolean);

const gib = "- local_loop: { name: image0, size: 1GiB }";
const table = (partitions: readonly string[]) =>
  `${gib}\n- partitioning: { base: image0, label: mbr, partitions: [${partitions.join(", ")}] }\n`;
const primary = (count: number) =>
  Array.from({ length: count }, (_, index) => `{ name: p${index}, size: 10MiB, flags: [primary] }`);
const logical = (count: number) => Array.from({ length: count }, (_, index) => `{ name: l${index}, size: 10MiB }`);

const row = (number: number, start: number) => `${number} ${start} ${start + 20479} 0x83 0x0 dos`;
const rows: readonly (readonly [VectorId, readonly string[], readonly string[]])[] = [
  ["mbr/one-logical", logical(1), ["1 2048 2097151 0xf 0x0 dos", "5 4096 24575 0x83 0x0 dos"]],
  ["mbr/one-primary", primary(1), ["1 2048 22527 0x83 0x0 dos"]],
  ["mbr/three-primary", primary(3), [row(1, 2048), row(2, 22528), row(3, 43008)]],
  [
    "mbr/many-logical",
    logical(64),
    ["1 2048 2097151 0xf 0x0 dos", ...Array.from({ length: 64 }, (_, k) => row(5 + k, 4096 + 22528 * k))],
  ],
  [
    "mbr/primary-and-logical",
    [...primary(3), ...logical(7)],
    [
      ...[row(1, 2048), row(2, 22528), row(3, 43008), "4 63488 2097151 0xf 0x0 dos"],
      ...Array.from({ length: 7 }, (_, k) => row(5 + k, 65536 + 22528 * k)),
    ],
  ],
  ["mbr/type-fat32", ["{ name: a, size: 10MiB, flags: [primary], type: 0x0c }"], ["1 2048 22527 0xc 0x0 dos"]],
];
for (const [id, partitions, lines] of rows)
  vector(id, async () => {
    using folder = await makeImage(table(partitions));
    expect(partx(imageOf(folder))).toEqual(lines);
    expect(folder.held()).toEqual([]);
  });

vector("mbr/none", async () => {
  await using folder = await tempFolder();
  const image = join(folder.path, "image");
  writeFileSync(image, "");
  truncateSync(image, 2 ** 30);
  const geometry = { label: "mbr", diskBytes: 2 ** 30, sectorBytes: 512, alignBytes: 2 ** 20 } as const;
  execFileSync("sfdisk", ["--quiet", image], { input: formatSfdiskScript(layOutPartitions(geometry, [])) });
  expect(partx(image)).toEqual([]);
});

/** The three bytes of a place as cylinder, head and sector, on a disk of 255 heads and 63 sectors. */
function chs(sector: number): number[] {
  const [cylinder, head] = [Math.floor(sector / (255 * 63)), Math.floor(sector / 63) % 255];
  if (cylinder > 1023) return [254, 255, 255];
  return [head, ((cylinder >> 8) << 6) | ((sector % 63) + 1), cylinder & 255];
}

test("cylinder, head and sector are right on both sides of the fourth cylinder and of the last one, logical partitions too", async () => {
  const partitions = [
    "{ name: a, size: 10MiB, flags: [primary, boot] }",
    "{ name: b, size: 200MiB, flags: [primary] }",
    "{ name: c, size: 7.9GiB, flags: [primary] }",
    "{ name: d, size: 10MiB }",
  ];
  using folder = await makeImage(table(partitions).replace("1GiB", "9GiB"));
  await using image = await open(imageOf(folder));
  const entry = async (block: number, index: number) => {
    const { buffer } = await image.read(Buffer.alloc(16), 0, 16, block * 512 + 446 + index * 16);
    const [start, size] = [buffer.readUInt32LE(8), buffer.readUInt32LE(12)];
    return { boot: buffer[0], first: [...buffer.subarray(1, 4)], last: [...buffer.subarray(5, 8)], start, size };
  };
  const extended = await entry(0, 3);
  const all = [await entry(0, 0), await entry(0, 1), await entry(0, 2), extended, await entry(extended.start, 0)];
  expect(all.map(({ boot }) => boot)).toEqual([0x80, 0, 0, 0, 0]);
  for (const [index, { first, last, start, size }] of all.entries()) {
    const at = index === 4 ? extended.start + start : start;
    expect({ index, first, last }).toEqual({ index, first: chs(at), last: chs(at + size - 1) });
  }
  const { buffer } = await image.read(Buffer.alloc(2), 0, 2, 510);
  expect(buffer.toString("hex")).toBe("55aa");
});

test("PReP has its type, and the disk the id that was asked for", async () => {
  const config = table(["{ name: prep, size: 8MiB, type: 0x41, flags: [boot, primary] }", ...primary(1)]);
  using folder = await makeImage(config.replace("label: mbr", "label: mbr, uuid: 0x00c0ffee"));
  expect(partx(imageOf(folder))).toEqual(["1 2048 18431 0x41 0x80 dos", "2 18432 38911 0x83 0x0 dos"]);
  await using image = await open(imageOf(folder));
  const { buffer } = await image.read(Buffer.alloc(4), 0, 4, 440);
  expect(buffer.readUInt32LE().toString(16)).toBe("c0ffee");
});

test("with sectors of 4096 bytes the places are the same in bytes, and the logical partitions are found", async () => {
  using folder = new BlockDeviceFolder(table([...primary(1), ...logical(2)]));
  const parameters = await folder.read();
  const services = { ...folder.services(), sectorSizeBytes: 4096 };
  await initBlockDevice(parameters);
  await createBlockDevice(parameters, services);
  const { partitions } = tableIn(getBlockDeviceValue("image-block-device", parameters));
  await deleteBlockDevice(parameters, services);
  expect(partitions.map(({ start, size }) => [start / 256, size / 256])).toEqual([
    [1, 10],
    [11, 1024 - 11],
    [12, 10],
    [23, 10],
  ]);
});
