/**
 * Where partitions lie. The layout is computed here, in DIB's way, so that an image is the same whatever tool writes
 * the table; sfdisk gets exact sectors.
 */
import { BuildError } from "../errors.js";
import { guidByCode } from "./gpt-types.js";
import { resolveSize, type Size } from "./sizes.js";

export type TableLabel = "mbr" | "gpt";

export interface WrittenPartition {
  readonly name: string;
  /** Of a partition that grows: the smallest that it may be. */
  readonly size: Size;
  /** Takes what the disk has left; only the last one of a table. */
  readonly grows?: boolean;
  /** What sfdisk takes: hex digits for MBR, a GUID for GPT. */
  readonly type: string;
  readonly isBootable: boolean;
  /** MBR only: not primary means logical. */
  readonly isPrimary: boolean;
  readonly gpt?: GptFields;
}

/** What only GPT has. */
export interface GptFields {
  readonly label?: string | undefined;
  readonly uuid?: string | undefined;
  /** As sfdisk takes them. */
  readonly attributes: readonly string[];
}

export interface Partition {
  readonly number: number;
  readonly name: string;
  readonly startSector: number;
  readonly sectors: number;
  readonly type: string;
  readonly isBootable: boolean;
  readonly gpt?: GptFields | undefined;
  /** Of a logical partition: where its own table lies. */
  readonly tableSector?: number | undefined;
  /** The one that holds the logical ones; it is no node. */
  readonly isExtended?: boolean;
}

export interface PartitionTable {
  readonly label: TableLabel;
  /** GUID of a GPT, eight hex digits of an MBR. One is drawn without it. */
  readonly uuid?: string | undefined;
  readonly sectorBytes: number;
  /** The extended partition of MBR is one of them. */
  readonly partitions: readonly Partition[];
}

export interface DiskGeometry {
  readonly label: TableLabel;
  readonly diskBytes: number;
  readonly sectorBytes: number;
  /** MBR only; GPT aligns to 1 MiB. */
  readonly alignBytes: number;
  readonly uuid?: string | undefined;
}

const mib = 2 ** 20;

/** GPT partitions are whole MiB: less would be none. */
export const smallestGptBytes = mib;

/** Throws IMAGE_TOO_SMALL when the partitions do not fit. */
export function layOutPartitions(geometry: DiskGeometry, partitions: readonly WrittenPartition[]): PartitionTable {
  const laidOut = geometry.label === "mbr" ? layOutMbr(geometry, partitions) : layOutGpt(geometry, partitions);
  const { label, sectorBytes, uuid } = geometry;
  return { label, sectorBytes, uuid, partitions: laidOut };
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
        sectors: Math.min(diskSectors, 2 ** 32 - 1) - nextFree,
        type: "f",
        isBootable: false,
        isExtended: true,
      };
      laidOut.push({ number: laidOut.length + 1, ...extended });
    }
    const sectors = Math.floor(sizeOn(freeBytes, partition, diskBytes, mib / 2) / sectorBytes);
    // A logical partition follows its own table, which takes one alignment unit.
    const startSector = isPrimary ? align(nextFree) : align(nextFree + 1);
    const number = isInExtended ? 5 + index - laidOut.findIndex(({ isExtended }) => isExtended) : index + 1;
    laidOut.push({
      number,
      name: partition.name,
      startSector,
      sectors,
      type: partition.type,
      isBootable: partition.isBootable,
      tableSector: isPrimary ? undefined : nextFree,
    });
    nextFree = align(startSector + sectors);
    checkFits(startSector + sectors, diskSectors, diskBytes, sectorBytes);
    checkReach(partition.name, startSector + sectors, sectorBytes);
  }
  return laidOut;
}

/** A number of sectors has 32 bits in an MBR. */
function checkReach(name: string, endSector: number, sectorBytes: number): void {
  if (endSector < 2 ** 32) return;
  const reach = `an MBR reaches ${(2 ** 32 * sectorBytes) / 2 ** 40} TiB of a disk: use label gpt`;
  throw new BuildError(
    "BLOCK_DEVICE_NODE_FAILED",
    { node: name, doing: "partitioning", reason: reach },
    { kind: "request" },
  );
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
      gpt: partition.gpt,
    };
  });
}

function sizeOn(
  freeBytes: number,
  { size, grows = false }: Pick<WrittenPartition, "size" | "grows">,
  diskBytes: number,
  smallestBytes: number,
): number {
  const written = resolveSize(size, freeBytes);
  if (grows && written <= freeBytes && freeBytes >= smallestBytes) return freeBytes;
  if (grows && written > freeBytes) return written; // checkFits says how much is missing
  if (written >= smallestBytes) return written;
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

const gptEntriesBytes = 128 * 128;

/** The script that sfdisk reads; logical partitions are not in it. Names are quoted; a quote in them is not possible there and is left out. */
export function formatSfdiskScript(table: PartitionTable): string {
  const written = table.partitions.filter(({ tableSector }) => tableSector === undefined);
  const lines = written.map(({ number, name, startSector, sectors, type, isBootable, gpt }) =>
    [
      `${number} : start=${startSector}`,
      `size=${sectors}`,
      `type=${type}`,
      ...(table.label === "gpt" ? [`name="${(gpt?.label ?? name).replace(/["\\]/g, "")}"`] : []),
      ...(gpt?.uuid === undefined ? [] : [`uuid=${gpt.uuid}`]),
      ...(gpt === undefined || gpt.attributes.length === 0 ? [] : [`attrs="${gpt.attributes.join(" ")}"`]),
      ...(isBootable ? ["bootable"] : []),
    ].join(", "),
  );
  const label = table.label === "mbr" ? "dos" : "gpt";
  const id = table.uuid === undefined ? [] : [`label-id: ${table.label === "mbr" ? "0x" : ""}${table.uuid}`];
  // sgdisk's: right behind the entries, where sfdisk would leave 1 MiB.
  const first = table.label === "gpt" ? [`first-lba: ${2 + gptEntriesBytes / table.sectorBytes}`] : [];
  const head = [`label: ${label}`, ...id, "unit: sectors", `sector-size: ${table.sectorBytes}`, ...first];
  return [...head, "", ...lines, ""].join("\n");
}

export const guid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** An extended partition is made where logical ones need it, and holds nothing else. */
const extendedTypes: ReadonlySet<number> = new Set([0x05, 0x0f, 0x85]);

/** The type as sfdisk takes it; undefined when it is not known. */
export function resolvePartitionType(label: TableLabel, written: string): string | undefined {
  const digits = written.replace(/^0x/i, "");
  if (label === "gpt")
    return guid.test(written) ? written.toUpperCase() : guidByCode[digits.toUpperCase().padStart(4, "0")];
  const number = /^[0-9a-f]{1,2}$/i.test(digits) ? Number.parseInt(digits, 16) : 0;
  return number === 0 || extendedTypes.has(number) ? undefined : number.toString(16);
}
