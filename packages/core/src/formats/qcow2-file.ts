/**
 * Puts a qcow2 together from the compressed clusters of two others, without reading what is in them (the format: QEMU's
 * docs/interop/qcow2.txt). Of a large image there are two bytes in memory for each cluster of the file.
 */
import { open, type FileHandle } from "node:fs/promises";

/** Guest clusters `[first, end)`. */
export type ClusterRun = readonly [number, number];

/** All that is not in `from.changed` comes from `from.base`; the other file has the same size and options. Rejects with what is wrong with a file. */
export async function assembleQcow2(
  from: { readonly base: string; readonly changes: string; readonly changed: readonly ClusterRun[] },
  target: string,
  signal: AbortSignal,
): Promise<void> {
  await using base = await openQcow2(from.base);
  await using changes = await openQcow2(from.changes);
  if (base.shape !== changes.shape)
    throw new Error(`${from.changes} has another size, other clusters or another compression than ${from.base}`);
  await using file = await open(target, "w");
  const writer = new Writer(file, base, signal);
  const runs = from.changed[Symbol.iterator]();
  let run = runs.next();
  for (let table = 0; table < base.l1.length; table++) {
    const [old, newer] = [await base.readTable(table), await changes.readTable(table)];
    const picked = old.map((entry, index): Picked => {
      const cluster = table * base.entries + index;
      while (run.done !== true && run.value[1] <= cluster) run = runs.next();
      const isChanged = run.done !== true && run.value[0] <= cluster;
      return isChanged ? { source: changes, entry: newer[index] ?? 0n } : { source: base, entry };
    });
    await writer.addTable(picked);
  }
  await writer.finish();
}

/**
 * Writes anew an empty qcow2, which QEMU has made: it gets the clusters of a raw image that lie in the runs, as they are. Where
 * those are zeros it says so, and hides what a file below it has there.
 */
export async function fillQcow2(
  target: string,
  from: { readonly raw: string; readonly clusters: readonly ClusterRun[] },
  signal: AbortSignal,
): Promise<void> {
  await using like = await openQcow2(target);
  await using raw = await open(from.raw, "r");
  await using file = await open(target, "w");
  const writer = new Writer(file, like, signal);
  for (let table = 0; table < like.l1.length; table++) {
    const first = table * like.entries;
    const inTable = from.clusters.map(([start, end]) => [Math.max(start, first), Math.min(end, first + like.entries)]);
    await writer.addRaw(
      raw,
      inTable.filter(([start = 0, end = 0]) => start < end) as unknown as readonly ClusterRun[],
      first,
    );
  }
  await writer.finish();
}

/** An entry of a table of the second level, and the file that it leads into. */
interface Picked {
  readonly source: Qcow2;
  readonly entry: bigint;
}

const compressedFlag = 1n << 62n;
const copiedFlag = 1n << 63n;
const zeroFlag = 1n;
const offsetMask = 0x00ff_ffff_ffff_fe00n;
const sectorBytes = 512;

interface Qcow2 extends AsyncDisposable {
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

async function openQcow2(path: string): Promise<Qcow2> {
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

async function readAt(file: FileHandle, position: number, length: number): Promise<Buffer> {
  const bytes = Buffer.alloc(length);
  for (let done = 0; done < length;) {
    const { bytesRead } = await file.read(bytes, done, length - done, position + done);
    if (bytesRead === 0) throw cutShort(position + done);
    done += bytesRead;
  }
  return bytes;
}

const cutShort = (position: number): Error => new Error(`a qcow2 ends at byte ${position}, before what it tells of`);

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

class Writer {
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

  /** The runs lie in the table that begins with the cluster `first`. */
  async addRaw(raw: FileHandle, runs: readonly ClusterRun[], first: number): Promise<void> {
    const table = new Array<bigint>(this.#like.entries).fill(0n);
    const bytes = Buffer.alloc(this.#clusterBytes);
    const zeros = Buffer.alloc(this.#clusterBytes);
    for (const [start, end] of runs)
      for (let cluster = start; cluster < end; cluster++) {
        this.#signal.throwIfAborted();
        const { bytesRead } = await raw.read(bytes, 0, bytes.length, cluster * this.#clusterBytes);
        bytes.fill(0, bytesRead); // the image may end in the middle of the last one
        const isZero = bytes.equals(zeros);
        table[cluster - first] = isZero ? zeroFlag : BigInt(await this.#write(bytes)) | copiedFlag;
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
