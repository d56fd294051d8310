import { expect, test } from "vitest";
import { firmwareOf } from "@dibjs/cli/boot/partitions.js";

const efiSystem = Buffer.from("28732ac11ff8d211ba4b00a0c93ec93b", "hex"); // as it lies on the disk
const biosBoot = Buffer.from("4861682149646f6e744e656564454649", "hex");
const linuxData = Buffer.from("af3dc60f838472478e793d69d8477de4", "hex");

function gpt(types: readonly Buffer[], sector = 512): Buffer {
  const disk = Buffer.alloc(64 * 1024);
  disk.set([0x55, 0xaa], 510);
  disk[446 + 4] = 0xee;
  disk.write("EFI PART", sector, "latin1");
  disk.writeBigUInt64LE(2n, sector + 72);
  disk.writeUInt32LE(128, sector + 80);
  disk.writeUInt32LE(128, sector + 84);
  for (const [index, type] of types.entries()) disk.set(type, 2 * sector + index * 128);
  return disk;
}

function mbr(type: number): Buffer {
  const disk = Buffer.alloc(64 * 1024);
  disk.set([0x55, 0xaa], 510);
  disk[446 + 4] = type;
  return disk;
}

test.each([
  ["GPT with an EFI system partition", gpt([efiSystem, linuxData]), "uefi"],
  ["the same in sectors of 4096 bytes", gpt([efiSystem, linuxData], 4096), "uefi"],
  ["GPT for both firmwares", gpt([efiSystem, biosBoot, linuxData]), "bios"],
  ["GPT without either", gpt([linuxData]), "bios"],
  ["MBR", mbr(0x83), "bios"],
  ["MBR with an EFI system partition", mbr(0xef), "uefi"],
  ["no partition table", Buffer.alloc(64 * 1024), "bios"],
  ["an empty file", Buffer.alloc(0), "bios"],
])("%s", (_, disk, firmware) => {
  expect(firmwareOf(disk)).toBe(firmware);
});
