import { readFile, rm, stat } from "node:fs/promises";
import { BuildError } from "../../errors.js";
import { deviceNumber } from "../device-number.js";
import { defineBlockNode, defineLoan, type NodeConfig, type NodeRequest } from "../node.js";
import {
  formatSfdiskScript,
  layOutPartitions,
  resolvePartitionType,
  smallestGptBytes,
  type Partition,
  type PartitionTable,
  type TableLabel,
  type WrittenPartition,
} from "../partition-table.js";
import { parseSize } from "../sizes.js";
import { runForNode } from "./run-for-node.js";
import { tellKernel } from "./tell-kernel.js";
import { textOf } from "../written-text.js";

/**
 * A partition table. Its partitions are the nodes; each carries what the table needs to know, and the first one to be
 * created writes the table for all.
 */
export const partitioning = defineBlockNode({
  name: "partitioning",
  expand: expandTable,
  check: checkPartition,
  hostCommands: () => [
    { command: "sfdisk", debian: "fdisk", fedora: "util-linux", opensuse: "util-linux" },
    { command: "partx", debian: "util-linux", fedora: "util-linux", opensuse: "util-linux" },
  ],
  after: (node, graph) =>
    tableOf(node, graph)
      .slice(0, numberOf(node) - 1)
      .slice(-1)
      .map(({ name }) => name),
  async create(request) {
    const { node, graph, state } = request;
    const disk = state.blockdev.get(node.base ?? "");
    if (disk === undefined)
      throw new BuildError("BLOCK_DEVICE_NODE_FAILED", {
        node: node.name,
        doing: "partitioning",
        reason: `${node.base} is no block device`,
      });
    const table = layOut(tableOf(node, graph), disk.sizeBytes, request.sectorSizeBytes);
    if (numberOf(node) === 1) await writeTable(disk.device, table, request);
    const own = table.partitions.find(({ name }) => name === node.name);
    if (own === undefined) throw new Error(`partition ${node.name} is not in its own table`);
    const device = await addPartition(disk.device, own, request);
    const { sectorBytes } = table;
    state.blockdev.set(node.name, {
      device,
      offsetBytes: own.startSector * sectorBytes,
      sizeBytes: own.sectors * sectorBytes,
    });
    return true;
  },
});

/** Faults of the table itself are kept for the check as a node without a number. */
function expandTable(table: NodeConfig): readonly NodeConfig[] {
  const { partitions, label, align } = table.values;
  if (table.base === undefined || label === undefined || !Array.isArray(partitions) || partitions.length === 0)
    return [table];
  return partitions.map(({ name, ...own }: Record<string, unknown>, index) => ({
    type: table.type,
    name: textOf(name) ?? "",
    base: table.base,
    values: { label: textOf(label), ...(align === undefined ? {} : { align }), number: index + 1, ...own },
  }));
}

const numberOf = ({ values }: NodeConfig): number => Number(values.number ?? 0);

/** All partitions of the table that a partition is in, in order. */
const tableOf = ({ type, base }: NodeConfig, graph: readonly NodeConfig[]): readonly NodeConfig[] =>
  graph.filter((other) => other.type === type && other.base === base).sort((a, b) => numberOf(a) - numberOf(b));

function checkPartition(node: NodeConfig, graph: readonly NodeConfig[]): string[] {
  const { label, size, type, align } = node.values;
  if (numberOf(node) === 0) {
    const missing = [
      ["base", node.base],
      ["partitions", node.values.partitions],
      ["label", label],
    ].filter(([, value]) => value === undefined);
    return missing.length === 0
      ? [`partitions of ${node.name} must be a list that is not empty`]
      : missing.map(([key]) => `Partitioning config needs '${String(key)}'`);
  }
  if (label !== "mbr" && label !== "gpt") return ["Label must be 'mbr' or 'gpt'"];
  const bytes = parseSize(size);
  return [
    ...(size === undefined ? [`partition ${node.name} needs a 'size'`] : []),
    ...(size === undefined || bytes !== undefined
      ? []
      : [`partition ${node.name}: size ${JSON.stringify(size)} is not a size`]),
    ...(label === "gpt" && bytes !== undefined && "bytes" in bytes && bytes.bytes < smallestGptBytes
      ? [`partition ${node.name}: size ${JSON.stringify(size)} is less than 1 MiB, which a GPT partition has at least`]
      : []),
    ...(type === undefined || resolvePartitionType(label, textOf(type) ?? "") !== undefined
      ? []
      : [`partition ${node.name}: type ${JSON.stringify(type)} is not known for ${label}`]),
    ...(align === undefined || isAlignment(align)
      ? []
      : [`align ${JSON.stringify(align)} must be a multiple of 4096 bytes`]),
    ...checkFlags(node, label),
    ...checkOrder(node, tableOf(node, graph), label),
    ...checkNames(node, label, graph),
  ];
}

function checkNames({ name, base, type }: NodeConfig, label: TableLabel, graph: readonly NodeConfig[]): string[] {
  const bases = graph.filter((other) => other.type === type && other.base === base && numberOf(other) === 1);
  return [
    // 36 UTF-16 units fit into an entry.
    ...(label === "gpt" && (name.length > 36 || /["\\\p{Cc}]/u.test(name))
      ? [`partition name ${JSON.stringify(name)} can't be written to a GPT`]
      : []),
    ...(bases.length > 1 ? [`${base} has more than one partition table`] : []),
  ];
}

function isAlignment(align: unknown): boolean {
  const size = parseSize(align);
  return size !== undefined && "bytes" in size && size.bytes > 0 && size.bytes % 4096 === 0;
}

function flagsOf({ values: { flags } }: NodeConfig): readonly string[] {
  return Array.isArray(flags)
    ? flags.map((flag) => textOf(flag) ?? "")
    : (textOf(flags) ?? "").split(/[\s,]+/).filter(Boolean);
}

function checkFlags(node: NodeConfig, label: TableLabel): string[] {
  const unknown = flagsOf(node).filter((flag) => flag !== "boot" && flag !== "primary");
  return [
    ...unknown.map((flag) => `Unknown flag: ${flag}`),
    ...(label === "gpt" && flagsOf(node).includes("primary") ? ["Primary flag not supported for GPT partitions"] : []),
  ];
}

function checkOrder(node: NodeConfig, table: readonly NodeConfig[], label: TableLabel): string[] {
  const isPrimary = (partition: NodeConfig) => flagsOf(partition).includes("primary");
  if (label === "gpt") return table.length > 128 ? [`${node.base} has more than 128 partitions`] : [];
  const isLate = isPrimary(node) && table.slice(0, numberOf(node) - 1).some((earlier) => !isPrimary(earlier));
  const primaries = table.filter(isPrimary).length + (table.every(isPrimary) ? 0 : 1);
  return [
    ...(isLate ? ["All primary partitions must be given first"] : []),
    ...(primaries > 4 ? [`${node.base} has more than four primary partitions, the extended one included`] : []),
  ];
}

const defaultType = { mbr: "83", gpt: "8300" } as const;

function layOut(table: readonly NodeConfig[], diskBytes: number, sectorBytes: number): PartitionTable {
  const label = table[0]?.values.label === "gpt" ? "gpt" : "mbr";
  const align = parseSize(table[0]?.values.align ?? "1MiB");
  const alignBytes = align !== undefined && "bytes" in align ? align.bytes : 2 ** 20;
  const partitions = table.map((node): WrittenPartition => {
    const flags = flagsOf(node);
    const type = resolvePartitionType(label, textOf(node.values.type) ?? defaultType[label]) ?? defaultType[label];
    const size = parseSize(node.values.size) ?? { bytes: 0 };
    return { name: node.name, size, type, isBootable: flags.includes("boot"), isPrimary: flags.includes("primary") };
  });
  return layOutPartitions({ label, diskBytes, sectorBytes, alignBytes }, partitions);
}

/** The kernel is not asked to read the table: it may have no parser for it, and partx tells it the partitions. */
async function writeTable(device: string, table: PartitionTable, request: NodeRequest): Promise<void> {
  const sfdisk = ["sfdisk", "--no-reread", "--no-tell-kernel", "--quiet", "--wipe", "always", device] as const;
  await runForNode(request, "writing the partition table", sfdisk, { input: formatSfdiskScript(table) });
  await request.exec("partx", ["-d", device]); // what a dead build may have left on this loop device
}

async function addPartition(device: string, added: Partition, request: NodeRequest): Promise<string> {
  const { number } = added;
  const path = `${device}${/\d$/.test(device) ? "p" : ""}${number}`;
  await tellKernel(device, path, added, request);
  request.borrow(partition, { path, device, number });
  await waitForNode(path, request);
  return path;
}

export const partition = defineLoan<{ path: string; device: string; number: number }>({
  name: "partition",
  label: ({ path }) => `partition ${path}`,
  async release({ device, number }, { exec }) {
    await exec("partx", ["-d", "--nr", String(number), device]); // the loop's own release checks that it is gone
  },
});

/** A node in /dev that nobody else makes. */
export const deviceNode = defineLoan<{ path: string }>({
  name: "node",
  label: ({ path }) => `node ${path}`,
  release: ({ path }) => rm(path, { force: true }),
});

const deadlineMs = 5_000;

/** Waits until the kernel has the partition and /dev its node; makes the node where /dev is not the kernel's own (containers). */
async function waitForNode(path: string, { node, exec, borrow }: NodeRequest): Promise<void> {
  const sysfs = `/sys/class/block/${path.slice("/dev/".length)}`;
  const deadline = Date.now() + deadlineMs;
  for (;;) {
    const number = (await readFile(`${sysfs}/dev`, "utf8").catch(() => "")).trim();
    const sectors = Number(await readFile(`${sysfs}/size`, "utf8").catch(() => "0"));
    if (number !== "" && sectors > 0) {
      const found = await stat(path, { bigint: true }).catch(() => undefined);
      const { major, minor } = deviceNumber(found?.rdev ?? 0n);
      if (`${major}:${minor}` === number) return;
      if (found === undefined && (await exec("mknod", ["-m", "600", path, "b", ...number.split(":")])).exitCode === 0) {
        borrow(deviceNode, { path });
        return;
      }
    }
    if (Date.now() > deadline)
      throw new BuildError(
        "BLOCK_DEVICE_NODE_FAILED",
        { node: node.name, doing: "waiting for the partition", reason: `${path} did not appear` },
        { kind: "host" },
      );
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
