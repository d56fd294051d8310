import { expect, test } from "vitest";
import {
  formatSfdiskScript,
  layOutPartitions,
  resolvePartitionType,
  type WrittenPartition,
} from "@dibjs/core/block-device/partition-table.js";
import { parseSize } from "@dibjs/core/block-device/sizes.js";
import { isBuildError } from "@dibjs/core/errors.js";

const gib = 2 ** 30;
const mbr = { label: "mbr", diskBytes: gib, sectorBytes: 512, alignBytes: 2 ** 20 } as const;
const gpt = { ...mbr, label: "gpt" } as const;

const partition = (name: string, size: string, more: Partial<WrittenPartition> = {}): WrittenPartition => ({
  name,
  size: parseSize(size) ?? { bytes: 0 },
  type: "83",
  isBootable: false,
  isPrimary: true,
  ...more,
});
const primary = (count: number) => Array.from({ length: count }, (_, index) => partition(`p${index}`, "10MiB"));
const logical = (count: number) =>
  Array.from({ length: count }, (_, index) => partition(`l${index}`, "10MiB", { isPrimary: false }));

/** Number, first and last sector, as partx shows them. */
const rows = (partitions: readonly WrittenPartition[]) =>
  layOutPartitions(mbr, partitions).partitions.map(({ number, startSector, sectors, type }) => [
    number,
    startSector,
    startSector + sectors - 1,
    type,
  ]);

test("no partition: an empty table", () => expect(rows([])).toEqual([]));

test("one primary partition starts at 1 MiB", () => expect(rows(primary(1))).toEqual([[1, 2048, 22527, "83"]]));

test.each([
  [512, "2TiB", "an MBR reaches 2 TiB of a disk: use label gpt"],
  [4096, "16TiB", "an MBR reaches 16 TiB of a disk: use label gpt"],
])("a partition beyond what an MBR of %d byte sectors can say is refused", (sectorBytes, size, reason) => {
  const disk = { ...mbr, sectorBytes, diskBytes: 2 ** 45 };
  const { partitions } = layOutPartitions(disk, [
    partition("small", "1TiB"),
    partition("logical", "1GiB", { isPrimary: false }),
  ]);
  expect(Math.max(...partitions.map(({ startSector, sectors }) => startSector + sectors))).toBeLessThan(2 ** 32);
  expect(() => layOutPartitions(disk, [partition("root", size)])).toThrow(
    expect.objectContaining({
      code: "BLOCK_DEVICE_NODE_FAILED",
      kind: "request",
      message: expect.stringContaining(reason) as string,
    }) as Error,
  );
});

test("three primary partitions follow each other", () => {
  expect(rows(primary(3)).map(([, start]) => start)).toEqual([2048, 22528, 43008]);
});

test("one logical partition lies in an extended one that takes the rest of the disk", () => {
  expect(rows(logical(1))).toEqual([
    [1, 2048, 2097151, "f"],
    [5, 4096, 24575, "83"],
  ]);
});

test("64 logical partitions are each preceded by a table of their own", () => {
  const [extended, ...all] = rows(logical(64));
  expect(extended).toEqual([1, 2048, 2097151, "f"]);
  expect(all).toEqual(Array.from({ length: 64 }, (_, k) => [5 + k, 4096 + 22528 * k, 4096 + 22528 * k + 20479, "83"]));
});

test("three primary and seven logical partitions", () => {
  const table = rows([...primary(3), ...logical(7)]);
  expect(table[3]).toEqual([4, 63488, 2097151, "f"]);
  expect(table[4]).toEqual([5, 65536, 86015, "83"]);
  expect(table[10]).toEqual([11, 200704, 221183, "83"]);
});

test("a share of MBR is of what is free, one alignment unit left at the end", () => {
  expect(rows([partition("root", "100%")])).toEqual([[1, 2048, 2097152 - 2048 - 1, "83"]]);
});

test("GPT partitions are whole MiB and leave 2 MiB of the disk", () => {
  const esp = [partition("ESP", "8MiB"), partition("BSP", "8.9MiB"), partition("Root Part", "100%")];
  const { partitions } = layOutPartitions(gpt, esp);
  expect(partitions.map(({ startSector, sectors }) => [startSector / 2048, sectors / 2048])).toEqual([
    [1, 8],
    [9, 8],
    [17, 1006],
  ]);
});

test("with sectors of 4096 bytes the places stay the same in bytes", () => {
  const { partitions } = layOutPartitions({ ...gpt, sectorBytes: 4096 }, [
    partition("a", "8MiB"),
    partition("b", "100%"),
  ]);
  expect(partitions.map(({ startSector, sectors }) => [startSector, sectors])).toEqual([
    [256, 2048],
    [2304, 1014 * 256],
  ]);
});

test.each([
  ["mbr", [partition("a", "2GiB")]],
  ["gpt", [partition("a", "2GiB")]],
  ["mbr", [partition("a", "1022MiB"), partition("b", "100%")]],
  ["gpt", [partition("a", "1022MiB"), partition("b", "100%")]],
  ["gpt", [partition("a", "0.09%"), partition("b", "100%")]], // 0.9 of a MiB
] as const)("partitions that do not fit on %s are refused with the size they need", (label, partitions) => {
  const error = (() => {
    try {
      return layOutPartitions({ ...mbr, label }, partitions);
    } catch (thrown) {
      return thrown;
    }
  })();
  expect(isBuildError(error) && error.code).toBe("IMAGE_TOO_SMALL");
  expect(isBuildError(error) && (error.context as { neededBytes: number }).neededBytes).toBeGreaterThan(gib);
});

test("the script for sfdisk says every sector, type, name and flag", () => {
  const table = layOutPartitions(gpt, [
    partition("Root Part", "8MiB", { type: "0FC63DAF-8483-4772-8E79-3D69D8477DE4" }),
  ]);
  expect(formatSfdiskScript(table)).toBe(
    'label: gpt\nunit: sectors\nsector-size: 512\nfirst-lba: 34\n\n1 : start=2048, size=16384, type=0FC63DAF-8483-4772-8E79-3D69D8477DE4, name="Root Part"\n',
  );
  expect(formatSfdiskScript(layOutPartitions(mbr, [partition("a", "8MiB", { isBootable: true })]))).toContain(
    "1 : start=2048, size=16384, type=83, bootable\n",
  );
});

test("partition types: short codes and GUIDs for GPT, hex numbers for MBR", () => {
  expect(resolvePartitionType("gpt", "EF00")).toBe("C12A7328-F81F-11D2-BA4B-00A0C93EC93B");
  expect(resolvePartitionType("gpt", "ef02")).toBe("21686148-6449-6E6F-744E-656564454649");
  expect(resolvePartitionType("gpt", "0x4100")).toBe("9E1A2D38-C612-4316-AA26-8B49521E5A8B");
  expect(resolvePartitionType("gpt", "700")).toBe("EBD0A0A2-B9E5-4433-87C0-68B6B72699C7");
  expect(resolvePartitionType("gpt", "0fc63daf-8483-4772-8e79-3d69d8477de4")).toBe(
    "0FC63DAF-8483-4772-8E79-3D69D8477DE4",
  );
  expect(resolvePartitionType("gpt", "83")).toBeUndefined();
  expect(resolvePartitionType("mbr", "0x0c")).toBe("c");
  expect(resolvePartitionType("mbr", "83")).toBe("83");
  expect(resolvePartitionType("mbr", "8300")).toBeUndefined();
  expect(resolvePartitionType("mbr", "0x00")).toBeUndefined();
});
