import type { BuildContext } from "../context.js";
import type { PlannedDisk } from "../plan/plan.js";
import { mustRun } from "../process/exec.js";
import type { NodeConfig } from "./node.js";

/** An absolute size, or a share of what is free. */
export type Size = { readonly bytes: number } | { readonly percent: number };

// prettier-ignore
const unitBytes: Readonly<Record<string, number>> = {
  TiB: 2 ** 40, GiB: 2 ** 30, MiB: 2 ** 20, KiB: 2 ** 10,
  TB: 1e12, GB: 1e9, MB: 1e6, KB: 1e3, T: 1e12, G: 1e9, M: 1e6, K: 1e3, B: 1, "": 1,
};

/** DIB's grammar: `8MiB`, `1.5 GB`, `512` (bytes), `MiB` (one of it), `60%`. Undefined when it is none of these. */
export function parseSize(written: unknown): Size | undefined {
  const match = /^\s*(\d*(?:\.\d+)?)\s?(%|[KMGT]i?B|[KMGT]|B|)\s*$/.exec(String(written));
  const [, number = "", unit = ""] = match ?? [];
  if (match === null || (number === "" && (unit === "" || unit === "%"))) return undefined;
  const amount = number === "" ? 1 : Number(number);
  if (unit === "%") return amount > 100 ? undefined : { percent: amount };
  const bytes = Math.trunc(amount * (unitBytes[unit] ?? NaN));
  return Number.isSafeInteger(bytes) ? { bytes } : undefined;
}

export const resolveSize = (size: Size, freeBytes: number): number =>
  "bytes" in size ? size.bytes : Math.trunc((freeBytes * size.percent) / 100);

const granularityBytes = 64 * 1024;
/** Some formats take only sizes that are multiples of more than DIB's 64 KiB. */
export const roundUpSize = (bytes: number, multipleBytes = granularityBytes): number =>
  Math.ceil(bytes / multipleBytes) * multipleBytes;

/** A partition table and its alignment take less than this at either end of the disk. */
const tableBytes = 2 ** 20;

/** What the smallest file system of a type takes, with room for its tables; mkfs refuses less. */
const smallestBytes: Readonly<Record<string, number>> = { xfs: 304 * 2 ** 20, btrfs: 128 * 2 ** 20 };

/**
 * Bytes of the disk for a tree: the explicit size as it is; else DIB's rule (content / 0.6, or content plus the extra
 * size), the journal of ext4, and every partition of fixed size that does not hold the root.
 */
export async function computeImageSize(
  planned: PlannedDisk,
  tree: string,
  ctx: Pick<BuildContext, "exec">,
): Promise<number> {
  if (planned.sizeBytes !== undefined) return roundUpSize(planned.sizeBytes, planned.sizeMultipleBytes);
  return sizeForContent(planned, await measureTree(tree, ctx));
}

/** The rule of computeImageSize for a tree of that many bytes. */
export function sizeForContent(planned: PlannedDisk, contentBytes: number): number {
  const content = planned.extraSizeBytes === undefined ? contentBytes / 0.6 : contentBytes + planned.extraSizeBytes;
  const isExt4 = planned.rootFsType === "ext4";
  const journalBytes = isExt4 ? planned.journalSizeMiB * 2 ** 20 : 0;
  // mke2fs wants a file system of more than twice the journal; a tiny tree would not reach that.
  const smallest = Math.max(journalBytes * 2.125, smallestBytes[planned.rootFsType] ?? 0) + 4 * tableBytes;
  const { ofRoot, others } = fixedBytes(planned);
  const bytes = Math.max(content + journalBytes, smallest, ofRoot) + others + headerBytes(planned);
  return roundUpSize(bytes, planned.sizeMultipleBytes);
}

/** Bytes that the tree takes on disk. Nothing is mounted below it. */
async function measureTree(tree: string, { exec }: Pick<BuildContext, "exec">): Promise<number> {
  const kib = Number((await mustRun(exec, "du", ["-s", "-k", "--", tree])).split("\t")[0]);
  return kib * 1024;
}

/** What partitions and volumes of a size of their own take, with their tables: those that the root lies on, and the others. */
function fixedBytes({ nodes }: PlannedDisk): { readonly ofRoot: number; readonly others: number } {
  const rootChain = chainBelow("/", nodes);
  const pool = nodes.find(({ name, values }) => rootChain.has(name) && values.type === "thin")?.values["thin-pool"];
  const isOfRoot = ({ name }: NodeConfig) => rootChain.has(name) || name === pool;
  const counted = nodes.filter((node) => isFixed(node) && !isInsideFixed(node, nodes));
  const sumOf = (which: readonly NodeConfig[]) => which.reduce((sum, { values }) => sum + bytesOf(values.size), 0);
  const withTables = (bytes: number, tables: number) => (bytes === 0 ? 0 : bytes + tables * tableBytes);
  return {
    ofRoot: withTables(sumOf(counted.filter(isOfRoot)), 4),
    others: withTables(sumOf(counted.filter((node) => !isOfRoot(node))), 1),
  };
}

function bytesOf(written: unknown): number {
  const size = parseSize(written);
  return size !== undefined && "bytes" in size ? size.bytes : 0;
}

/** Thin volumes take nothing but what their pool has. */
const isFixed = ({ type, values }: NodeConfig): boolean =>
  (type === "partitioning" || (values.role === "lv" && values.type !== "thin")) && bytesOf(values.size) > 0;

/** A volume on a partition of a size of its own is counted by that. */
const isInsideFixed = ({ base }: NodeConfig, nodes: readonly NodeConfig[]): boolean =>
  nodes.some((below) => isFixed(below) && chainFrom(base, nodes).has(below.name));

/** A LUKS2 header; the label of a physical volume, with what its last extent leaves over; the tables of a thin pool. */
const headerOf = { luks: 16 * 2 ** 20, pv: 8 * 2 ** 20, pool: 16 * 2 ** 20 } as const;

/** What lies before the root file system, beside partition tables. */
function headerBytes({ nodes }: PlannedDisk): number {
  const rootChain = chainBelow("/", nodes);
  const bytes = nodes
    .filter(({ name }) => rootChain.has(name))
    .map(({ type, values }) => {
      if (values.role === "vg") return (Array.isArray(values.pvs) ? values.pvs.length : 1) * headerOf.pv;
      return type === "luks" ? headerOf.luks : values.type === "thin" ? headerOf.pool : 0;
    });
  return bytes.reduce((sum, more) => sum + more, 0);
}

/** Names of the nodes that the mount of `mountPoint` stands on. */
export const chainBelow = (mountPoint: string, nodes: readonly NodeConfig[]): ReadonlySet<string> =>
  chainFrom(nodes.find(({ type, values }) => type === "mount" && values.mount_point === mountPoint)?.base, nodes);

function chainFrom(start: string | undefined, nodes: readonly NodeConfig[]): ReadonlySet<string> {
  const byName = new Map(nodes.map((node) => [node.name, node]));
  const chain = new Set<string>();
  for (let at = start; at !== undefined && !chain.has(at); at = byName.get(at)?.base) chain.add(at);
  return chain;
}
