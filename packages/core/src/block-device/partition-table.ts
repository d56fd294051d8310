/**
 * Where partitions lie. The layout is computed here, in DIB's way, so that an image is the same whatever tool writes
 * the table; sfdisk gets exact sectors.
 */
import { BuildError } from "../errors.js";
import { resolveSize, type Size } from "./sizes.js";

export type TableLabel = "mbr" | "gpt";

export interface WrittenPartition {
  readonly name: string;
  readonly size: Size;
  /** What sfdisk takes: hex digits for MBR, a GUID for GPT. */
  readonly type: string;
  readonly isBootable: boolean;
  /** MBR only: not primary means logical. */
  readonly isPrimary: boolean;
}

export interface Partition {
  readonly number: number;
  readonly name: string;
  readonly startSector: number;
  readonly sectors: number;
  readonly type: string;
  readonly isBootable: boolean;
}

export interface PartitionTable {
  readonly label: TableLabel;
  readonly sectorBytes: number;
  /** The extended partition of MBR is one of them, with the name `extended`. */
  readonly partitions: readonly Partition[];
}

export interface DiskGeometry {
  readonly label: TableLabel;
  readonly diskBytes: number;
  readonly sectorBytes: number;
  /** MBR only; GPT aligns to 1 MiB. */
  readonly alignBytes: number;
}

const mib = 2 ** 20;

/** GPT partitions are whole MiB: less would be none. */
export const smallestGptBytes = mib;

/** Throws IMAGE_TOO_SMALL when the partitions do not fit. */
export function layOutPartitions(geometry: DiskGeometry, partitions: readonly WrittenPartition[]): PartitionTable {
  const laidOut = geometry.label === "mbr" ? layOutMbr(geometry, partitions) : layOutGpt(geometry, partitions);
  return { label: geometry.label, sectorBytes: geometry.sectorBytes, partitions: laidOut };
}

/** DIB: starts and the next free place are aligned, one alignment unit stays free at the end of the disk. */
function layOutMbr(
  { diskBytes, sectorBytes, alignBytes }: DiskGeometry,
  partitions: readonly WrittenPartition[],
): Partition[] {
  const unit = alignBytes / sectorBytes;
  const align = (sector: number) => Math.ceil(sector / unit) * unit;
  const diskSectors = Math.floor(diskBytes / sectorBytes);
  const laidOut: Partition[] = [];
  let nextFree = unit;
  let isInExtended = false;
  for (const [index, { isPrimary, ...partition }] of partitions.entries()) {
    const freeBytes = (diskSectors - nextFree - unit) * sectorBytes;
    if (!isPrimary && !isInExtended) {
      isInExtended = true;
      const extended = {
        name: "extended",
        startSector: nextFree,
        sectors: diskSectors - nextFree,
        type: "f",
        isBootable: false,
      };
      laidOut.push({ number: laidOut.length + 1, ...extended });
    }
    const sectors = Math.floor(sizeOn(freeBytes, partition, diskBytes, mib / 2) / sectorBytes);
    // A logical partition follows its own table, which takes one alignment unit.
    const startSector = isPrimary ? align(nextFree) : align(nextFree + 1);
    const number = isInExtended ? 5 + index - laidOut.findIndex(({ name }) => name === "extended") : index + 1;
    laidOut.push({
      number,
      name: partition.name,
      startSector,
      sectors,
      type: partition.type,
      isBootable: partition.isBootable,
    });
    nextFree = align(startSector + sectors);
    checkFits(startSector + sectors, diskSectors, diskBytes, sectorBytes);
  }
  return laidOut;
}

/** DIB: 2 MiB of the disk are not used, sizes are whole MiB. */
function layOutGpt({ diskBytes, sectorBytes }: DiskGeometry, partitions: readonly WrittenPartition[]): Partition[] {
  const usableBytes = Math.floor((diskBytes - 2 * mib) / mib) * mib;
  let usedBytes = 0;
  return partitions.map((partition, index) => {
    const sizeBytes = Math.floor(sizeOn(usableBytes - usedBytes, partition, diskBytes, smallestGptBytes) / mib) * mib;
    const startSector = (mib + usedBytes) / sectorBytes;
    usedBytes += sizeBytes;
    checkFits(usedBytes, usableBytes, diskBytes, 1);
    return {
      number: index + 1,
      name: partition.name,
      startSector,
      sectors: sizeBytes / sectorBytes,
      type: partition.type,
      isBootable: false,
    };
  });
}

function sizeOn(freeBytes: number, { size }: { size: Size }, diskBytes: number, smallestBytes: number): number {
  const bytes = resolveSize(size, freeBytes);
  if (bytes >= smallestBytes) return bytes;
  // Nothing is left for a share of the rest, or the partition is too small to be one.
  throw new BuildError("IMAGE_TOO_SMALL", {
    sizeBytes: diskBytes,
    neededBytes: diskBytes - Math.min(freeBytes, 0) + mib,
  });
}

function checkFits(end: number, limit: number, diskBytes: number, unitBytes: number): void {
  if (end > limit)
    throw new BuildError("IMAGE_TOO_SMALL", {
      sizeBytes: diskBytes,
      neededBytes: diskBytes + (end - limit) * unitBytes,
    });
}

/** The script that sfdisk reads. Names are quoted; a quote in them is not possible there and is left out. */
export function formatSfdiskScript(table: PartitionTable): string {
  const lines = table.partitions.map(({ number, name, startSector, sectors, type, isBootable }) =>
    [
      `${number} : start=${startSector}`,
      `size=${sectors}`,
      `type=${type}`,
      ...(table.label === "gpt" ? [`name="${name.replace(/["\\]/g, "")}"`] : []),
      ...(isBootable ? ["bootable"] : []),
    ].join(", "),
  );
  const label = table.label === "mbr" ? "dos" : "gpt";
  return [`label: ${label}`, "unit: sectors", `sector-size: ${table.sectorBytes}`, "", ...lines, ""].join("\n");
}

/** Partition types of GPT by sgdisk's short codes, which DIB's layouts use. */
const guidByCode: Readonly<Record<string, string>> = {
  "0700": "EBD0A0A2-B9E5-4433-87C0-68B6B72699C7", // basic data
  "0C01": "E3C9E316-0B5C-4DB8-817D-F92DF00215AE",
  "2700": "DE94BBA4-06D1-4D40-A16A-BFD50179D6AC",
  "4100": "9E1A2D38-C612-4316-AA26-8B49521E5A8B", // PowerPC PReP boot
  "8200": "0657FD6D-A4AB-43C4-84E5-0933C84B4F4F", // swap
  "8300": "0FC63DAF-8483-4772-8E79-3D69D8477DE4", // Linux
  "8301": "8DA63339-0007-60C0-C436-083AC8230908",
  "8302": "933AC7E1-2EB4-4F13-B844-0E14E2AEF915", // /home
  "8303": "44479540-F297-41B2-9AF7-D131D5F0458A", // root, x86
  "8304": "4F68BCE3-E8CD-4DB1-96E7-FBCAF984B709", // root, x86-64
  "8305": "B921B045-1DF0-41C3-AF44-4C6F280D3FAE", // root, arm64
  "8306": "3B8F8425-20E0-4F3B-907F-1A25A76F98E8", // /srv
  "8307": "69DAD710-2CE4-4E3C-B16C-21A1D49ABED3", // root, arm
  "8E00": "E6D6D379-F507-44C2-A23C-238F2A3DF928", // LVM
  EA00: "BC13C2FF-59E6-4262-A352-B275FD6F7172", // extended boot loader
  EF00: "C12A7328-F81F-11D2-BA4B-00A0C93EC93B", // EFI system
  EF01: "024DEE41-33E7-11D3-9D69-0008C781F39F",
  EF02: "21686148-6449-6E6F-744E-656564454649", // BIOS boot
  FD00: "A19D880F-05FC-4D3B-A006-743F0F84911E", // RAID
};

const guid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** The type as sfdisk takes it; undefined when it is not known. */
export function resolvePartitionType(label: TableLabel, written: string): string | undefined {
  const digits = written.replace(/^0x/i, "");
  if (label === "gpt")
    return guid.test(written) ? written.toUpperCase() : guidByCode[digits.toUpperCase().padStart(4, "0")];
  return /^[0-9a-f]{1,2}$/i.test(digits) && Number.parseInt(digits, 16) !== 0
    ? Number.parseInt(digits, 16).toString(16)
    : undefined;
}
