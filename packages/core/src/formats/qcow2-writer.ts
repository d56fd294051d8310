import type { FileHandle } from "node:fs/promises";
import { compressedFlag, copiedFlag, cutShort, offsetMask, readAt, zeroFlag, type Qcow2 } from "./qcow2-file.js";

const sectorBytes = 512;

/** An entry of a table of the second level, and the file that it leads into. */
export interface Picked {
  readonly source: Qcow2;
  readonly entry: bigint;
}

/** Where a compressed cluster lies in its file. `length` is whole sectors: where it ends inside the last one is not written down. */
interface Compressed {
  readonly index: number;
  readonly offset: number;
  readonly length: number;
}

const endOf = (last: Compressed | undefined): number =>
  last === undefined ? 0 : last.offset - (last.offset % sectorBytes) + last.length;

/** Those with nothing between them in their file. */
function runsOf(list: readonly Compressed[]): Compressed[][] {
  const runs: Compressed[][] = [];
  for (const each of [...list].sort((a, b) => a.offset - b.offset)) {
    const run = runs.at(-1);
    if (run !== undefined && each.offset <= endOf(run.at(-1))) run.push(each);
    else runs.push([each]);
  }
  return runs;
}

/** Writes the tables of a qcow2 one after another, and what they lead to. Of a large image there are two bytes in memory for each cluster of the file. */
export class Qcow2Writer {
  readonly #file: FileHandle;
  readonly #like: Qcow2;
  readonly #clusterBytes: number;
  readonly #l1: bigint[] = [];
  /** By cluster of the file: how many tables and clusters lie in it, whole or in part. */
  #counts = new Uint16Array(1024);
  /** Bytes. */
  #end: number;
  readonly #buffer = Buffer.allocUnsafe(4 * 2 ** 20);
  readonly #signal: AbortSignal;

  constructor(file: FileHandle, like: Qcow2, signal: AbortSignal) {
    this.#file = file;
    this.#signal = signal;
    this.#like = like;
    this.#clusterBytes = 2 ** like.clusterBits;
    this.#end = this.#clusterBytes; // the first is the header's
    this.#count(0, 1);
  }

  /** Compressed clusters first: those stand close together, the others each in a cluster of the file. */
  async addTable(picked: readonly Picked[]): Promise<void> {
    const table = new Array<bigint>(picked.length).fill(0n);
    const compressed = new Map<Qcow2, Compressed[]>();
    for (const [index, { source, entry }] of picked.entries()) {
      if ((entry & compressedFlag) === 0n) continue;
      const list = compressed.get(source) ?? [];
      compressed.set(source, list);
      list.push({ index, ...this.#placeOf(entry) });
    }
    for (const [source, list] of compressed) await this.#addCompressed(source, list, table);
    for (const [index, { source, entry }] of picked.entries()) {
      if ((entry & (compressedFlag | zeroFlag)) !== 0n || (entry & offsetMask) === 0n) continue;
      const offset = this.#take(1);
      await this.#copy(source.file, Number(entry & offsetMask), offset, this.#clusterBytes);
      table[index] = BigInt(offset) | copiedFlag;
    }
    this.#l1.push(await this.#addEntries(table));
  }

  /**
   * A table of clusters of a raw image, which ends after `sizeBytes`, as they are. `place` tells which of its clusters stands at an
   * index, if one does. Where that is zeros the table says so, and hides what a file below has there.
   */
  async addRaw(raw: FileHandle, sizeBytes: number, place: (index: number) => number | undefined): Promise<void> {
    const table = new Array<bigint>(this.#like.entries).fill(0n);
    const zeros = Buffer.alloc(this.#clusterBytes);
    for (const index of table.keys()) {
      const cluster = place(index);
      if (cluster === undefined) continue;
      this.#signal.throwIfAborted();
      const start = cluster * this.#clusterBytes;
      const bytes = await readAt(raw, start, Math.min(this.#clusterBytes, sizeBytes - start));
      const isZero = bytes.equals(zeros.subarray(0, bytes.length));
      table[index] = isZero ? zeroFlag : BigInt(await this.#write(bytes)) | copiedFlag;
    }
    this.#l1.push(await this.#addEntries(table));
  }

  /** What lies close together in its file stays so; a run keeps its place within a sector. */
  async #addCompressed(source: Qcow2, list: readonly Compressed[], table: bigint[]): Promise<void> {
    for (const run of runsOf(list)) {
      const [start, end] = [run[0]?.offset ?? 0, endOf(run.at(-1))];
      const target = this.#end + ((((start - this.#end) % sectorBytes) + sectorBytes) % sectorBytes);
      await this.#copy(source.file, start, target, end - start);
      for (const { index, offset, length } of run) {
        const place = offset - start + target;
        table[index] = compressedFlag | (BigInt(length / sectorBytes - 1) << BigInt(this.#offsetBits)) | BigInt(place);
        this.#count(place - (place % sectorBytes), length);
      }
      this.#end = target + end - start;
    }
  }

  get #offsetBits(): number {
    return 62 - (this.#like.clusterBits - 8);
  }

  #placeOf(entry: bigint): Pick<Compressed, "offset" | "length"> {
    const bits = BigInt(this.#offsetBits);
    const sectors = Number((entry & (compressedFlag - 1n)) >> bits) + 1;
    return { offset: Number(entry & ((1n << bits) - 1n)), length: sectors * sectorBytes };
  }

  /** 0 for a table without an entry. */
  async #addEntries(table: readonly bigint[]): Promise<bigint> {
    if (table.every((entry) => entry === 0n)) return 0n;
    return BigInt(await this.#write(bytesOf(table))) | copiedFlag;
  }

  async finish(): Promise<void> {
    const l1 = await this.#write(bytesOf(this.#l1));
    const perBlock = this.#clusterBytes / 2;
    const used = this.#end / this.#clusterBytes; // #write leaves it at the end of a cluster
    let blocks = 0;
    let tableClusters = 0;
    for (let needed = 1; needed > blocks;) {
      blocks = needed;
      tableClusters = Math.ceil((blocks * 8) / this.#clusterBytes);
      needed = Math.ceil((used + blocks + tableClusters) / perBlock);
    }
    const firstBlock = this.#take(blocks);
    const table = this.#take(tableClusters);
    const counts = Buffer.alloc(blocks * this.#clusterBytes);
    for (const [cluster, count] of this.#counts.subarray(0, this.#end / this.#clusterBytes).entries())
      counts.writeUInt16BE(count, cluster * 2);
    await this.#writeAt(counts, firstBlock);
    const places = Array.from({ length: blocks }, (_, index) => BigInt(firstBlock + index * this.#clusterBytes));
    await this.#writeAt(bytesOf(places), table);
    const header = Buffer.from(this.#like.header);
    header.writeBigUInt64BE(BigInt(l1), 40);
    header.writeBigUInt64BE(BigInt(table), 48);
    header.writeUInt32BE(tableClusters, 56);
    await this.#writeAt(header, 0);
    await this.#file.truncate(this.#end);
  }

  async #write(bytes: Buffer): Promise<number> {
    const offset = this.#take(Math.ceil(bytes.length / this.#clusterBytes));
    await this.#writeAt(bytes, offset);
    return offset;
  }

  async #writeAt(bytes: Buffer, offset: number): Promise<void> {
    for (let done = 0; done < bytes.length;)
      done += (await this.#file.write(bytes, done, bytes.length - done, offset + done)).bytesWritten;
  }

  /** The next whole clusters of the file. */
  #take(clusters: number): number {
    const offset = Math.ceil(this.#end / this.#clusterBytes) * this.#clusterBytes;
    this.#end = offset + clusters * this.#clusterBytes;
    this.#count(offset, clusters * this.#clusterBytes);
    return offset;
  }

  #count(offset: number, length: number): void {
    const [first, last] = [offset, offset + length - 1].map((byte) => Math.floor(byte / this.#clusterBytes)) as [
      number,
      number,
    ];
    if (last >= this.#counts.length) {
      const larger = new Uint16Array(last * 2);
      larger.set(this.#counts);
      this.#counts = larger;
    }
    for (let cluster = first; cluster <= last; cluster++) this.#counts[cluster] = (this.#counts[cluster] ?? 0) + 1;
  }

  async #copy(source: FileHandle, from: number, to: number, length: number): Promise<void> {
    for (let done = 0; done < length;) {
      this.#signal.throwIfAborted();
      const wanted = Math.min(this.#buffer.length, length - done);
      const { bytesRead } = await source.read(this.#buffer, 0, wanted, from + done);
      if (bytesRead === 0 && length - done < sectorBytes) return; // of the last sector not all needs to be there
      if (bytesRead === 0) throw cutShort(from + done);
      await this.#writeAt(this.#buffer.subarray(0, bytesRead), to + done);
      done += bytesRead;
    }
  }
}

function bytesOf(entries: readonly bigint[]): Buffer {
  const bytes = Buffer.alloc(entries.length * 8);
  for (const [index, entry] of entries.entries()) bytes.writeBigUInt64BE(entry, index * 8);
  return bytes;
}
