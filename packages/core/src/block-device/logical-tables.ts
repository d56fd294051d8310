/**
 * The tables of an MBR's logical partitions: a chain, each table one alignment unit before its partition. Written here,
 * since sfdisk gives up after 60 partitions, and puts the tables where it likes.
 */
import type { Partition, PartitionTable } from "./partition-table.js";

export interface LogicalTable {
  readonly sector: number;
  readonly content: Buffer;
}

const entriesOffset = 446;
const entryBytes = 16;
const chainType = 0x05;

export function formatLogicalTables({ partitions }: PartitionTable): readonly LogicalTable[] {
  const extended = partitions.find(({ isExtended }) => isExtended);
  const logical = partitions.filter((partition): partition is Logical => partition.tableSector !== undefined);
  return logical.map((partition, index) => {
    const content = Buffer.alloc(512);
    content.writeUInt16LE(0xaa55, 510);
    const { tableSector, isBootable, type } = partition;
    writeEntry(content, 0, { ...partition, isBootable, type: Number.parseInt(type, 16) }, tableSector);
    const next = logical[index + 1];
    if (next !== undefined) {
      const sectors = next.startSector + next.sectors - next.tableSector;
      const link = { startSector: next.tableSector, sectors, isBootable: false, type: chainType };
      writeEntry(content, 1, link, extended?.startSector ?? 0);
    }
    return { sector: tableSector, content };
  });
}

type Logical = Partition & { readonly tableSector: number };

interface Entry {
  readonly startSector: number;
  readonly sectors: number;
  readonly isBootable: boolean;
  readonly type: number;
}

/** Places count from `origin`; cylinder, head and sector from the start of the disk. */
function writeEntry(table: Buffer, index: number, entry: Entry, origin: number): void {
  const { startSector, sectors, isBootable, type } = entry;
  const at = entriesOffset + index * entryBytes;
  table.writeUInt8(isBootable ? 0x80 : 0, at);
  table.set(cylinderHeadSector(startSector), at + 1);
  table.writeUInt8(type, at + 4);
  table.set(cylinderHeadSector(startSector + sectors - 1), at + 5);
  table.writeUInt32LE(startSector - origin, at + 8);
  table.writeUInt32LE(sectors, at + 12);
}

const [heads, sectorsPerTrack, lastCylinder] = [255, 63, 1023];

/** As sfdisk writes it: what lies beyond the last cylinder that there is room for has the last place of all. */
function cylinderHeadSector(sector: number): readonly [number, number, number] {
  const cylinder = Math.floor(sector / (heads * sectorsPerTrack));
  if (cylinder > lastCylinder) return [254, 0xff, 0xff];
  const head = Math.floor(sector / sectorsPerTrack) % heads;
  return [head, ((cylinder >> 2) & 0xc0) | ((sector % sectorsPerTrack) + 1), cylinder & 0xff];
}
