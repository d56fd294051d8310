/** A qcow2 as a file: its header and its tables, whose entries say where clusters lie (the format: QEMU's docs/interop/qcow2.txt). */
import { open, type FileHandle } from "node:fs/promises";

/** Of an entry: the cluster is compressed; nothing else refers to it; it reads as zeros. */
export const [compressedFlag, copiedFlag, zeroFlag] = [1n << 62n, 1n << 63n, 1n];
/** Of an entry of a cluster that is not compressed: where it lies, in bytes. */
export const offsetMask = 0x00ff_ffff_ffff_fe00n;

export interface Qcow2 extends AsyncDisposable {
  readonly file: FileHandle;
  readonly header: Buffer;
  readonly clusterBits: number;
  /** Equal where clusters can be taken from one to the other. */
  readonly shape: string;
  /** Of a table of the second level. */
  readonly entries: number;
  readonly l1: readonly bigint[];
  readTable(index: number): Promise<bigint[]>;
}

/** Throws with what is wrong with it, or is not as QEMU makes one by default. */
export async function openQcow2(path: string): Promise<Qcow2> {
  const file = await open(path, "r");
  try {
    const start = await readAt(file, 0, 112);
    const clusterBits = start.readUInt32BE(20);
    const clusterBytes = 2 ** clusterBits;
    const incompatible = start.readBigUInt64BE(72) & ~8n; // 8: what it is compressed with
    const isPlain =
      start.toString("latin1", 0, 4) === "QFI\xfb" &&
      start.readUInt32BE(4) === 3 &&
      start.readBigUInt64BE(8) === 0n && // a file below
      start.readUInt32BE(32) === 0 && // encryption
      start.readUInt32BE(60) === 0 && // snapshots
      start.readUInt32BE(96) === 4 && // 16 bits for a count
      incompatible === 0n;
    if (!isPlain) throw new Error(`${path} is no qcow2 that can be put together with another`);
    const entries = clusterBytes / 8;
    const readTable = async (offset: bigint, count: number) => {
      if (offset === 0n) return new Array<bigint>(count).fill(0n);
      const bytes = await readAt(file, Number(offset), count * 8);
      return Array.from({ length: count }, (_, index) => bytes.readBigUInt64BE(index * 8));
    };
    const l1 = await readTable(start.readBigUInt64BE(40), start.readUInt32BE(36));
    return {
      ...{ file, clusterBits, entries, l1 },
      header: await readAt(file, 0, clusterBytes),
      shape: `${clusterBits} ${start.readBigUInt64BE(24)} ${start.toString("hex", 72, 80)} ${start[104]}`,
      readTable: (index) => readTable((l1[index] ?? 0n) & offsetMask, entries),
      [Symbol.asyncDispose]: () => file.close(),
    };
  } catch (error) {
    await file.close();
    throw error;
  }
}

/** Throws where the file ends before. */
export async function readAt(file: FileHandle, position: number, length: number): Promise<Buffer> {
  const bytes = Buffer.alloc(length);
  for (let done = 0; done < length;) {
    const { bytesRead } = await file.read(bytes, done, length - done, position + done);
    if (bytesRead === 0) throw cutShort(position + done);
    done += bytesRead;
  }
  return bytes;
}

export const cutShort = (position: number): Error =>
  new Error(`a qcow2 ends at byte ${position}, before what it tells of`);
