import { open, readFile, rm, stat } from "node:fs/promises";
import { BuildError } from "../../errors.js";
import { deviceNumber } from "../device-number.js";
import { growingTypes, resolveAttribute } from "../gpt-types.js";
import { formatLogicalTables } from "../logical-tables.js";
import { defineBlockNode, defineLoan, type NodeConfig, type NodeRequest } from "../node.js";
import {
  formatSfdiskScript,
  layOutPartitions,
  resolvePartitionType,
  type GptFields,
  type Partition,
  type PartitionTable,
  type WrittenPartition,
} from "../partition-table.js";
import { parseSize } from "../sizes.js";
import { isOwn, leaveAlone } from "../own-devices.js";
import { blockDeviceOf } from "./block-device-of.js";
import { checkPartition } from "./check-partition.js";
import { attributesOf, doesGrow, flagsOf, numberOf, tableOf } from "./partition-values.js";
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
    const disk = blockDeviceOf(node.base, "partitioning", request);
    const table = layOut(tableOf(node, graph), disk.sizeBytes, request.sectorSizeBytes);
    if (numberOf(node) === 1) {
      if (request.existing === undefined) await writeTable(disk.device, table, request);
      await request.exec("partx", ["-d", disk.device]); // what a dead build may have left on this loop device
    }
    const own = table.partitions.find(({ name, isExtended = false }) => !isExtended && name === node.name);
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
  const { partitions, label, align, uuid } = table.values;
  if (table.base === undefined || label === undefined || !Array.isArray(partitions) || partitions.length === 0)
    return [table];
  return partitions.map(({ name, ...own }: Record<string, unknown>, index) => ({
    type: table.type,
    name: textOf(name) ?? "",
    base: table.base,
    values: {
      ...own,
      label: textOf(label),
      ...(align === undefined ? {} : { align }),
      ...(uuid === undefined ? {} : { diskUuid: textOf(uuid) }),
      number: index + 1,
    },
  }));
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
    return {
      ...{ name: node.name, size, type, grows: doesGrow(node) },
      ...{ isBootable: flags.includes("boot"), isPrimary: flags.includes("primary") },
      ...(label === "gpt" ? { gpt: gptFieldsOf(node, type) } : {}),
    };
  });
  const uuid = textOf(table[0]?.values.diskUuid)?.replace(/^0x/i, "");
  return layOutPartitions({ label, diskBytes, sectorBytes, alignBytes, uuid }, partitions);
}

/** What grows says so in the table too, where the type has a meaning for it: systemd grows the file system at boot. */
function gptFieldsOf(node: NodeConfig, type: string): GptFields {
  const attributes = attributesOf(node).map((written) => resolveAttribute(written) ?? written);
  const grow = doesGrow(node) && growingTypes.has(type) ? ["GUID:59"] : [];
  return {
    label: textOf(node.values.partlabel),
    uuid: textOf(node.values.uuid)?.toUpperCase(),
    attributes: [...new Set([...attributes, ...grow])],
  };
}

/** The kernel is not asked to read the table: it may have no parser for it, and partx tells it the partitions. */
async function writeTable(device: string, table: PartitionTable, request: NodeRequest): Promise<void> {
  const sfdisk = ["sfdisk", "--no-reread", "--no-tell-kernel", "--quiet", "--wipe", "always", device] as const;
  await runForNode(request, "writing the partition table", sfdisk, { input: formatSfdiskScript(table) });
  await writeLogicalTables(device, table);
}

async function writeLogicalTables(device: string, table: PartitionTable): Promise<void> {
  await using disk = await open(device, "r+");
  for (const { sector, content } of formatLogicalTables(table))
    await disk.write(content, 0, content.length, sector * table.sectorBytes);
  await disk.sync();
}

async function addPartition(device: string, added: Partition, request: NodeRequest): Promise<string> {
  const { number } = added;
  const path = `${device}${/\d$/.test(device) ? "p" : ""}${number}`;
  await tellKernel(device, path, added, request);
  request.borrow(partition, { path, device, number });
  await waitForNode(path, device, request);
  return path;
}

export const partition = defineLoan<{ path: string; device: string; number: number }>({
  name: "partition",
  label: ({ path }) => `partition ${path}`,
  async release({ path, device, number }, services) {
    if (!(await isOwn(device, services))) return leaveAlone(`partition ${path}`, services);
    await services.exec("partx", ["-d", "--nr", String(number), device]); // the loop's own release checks that it is gone
  },
});

/** A node in /dev that nobody else makes. */
export const deviceNode = defineLoan<{ path: string; device: string }>({
  name: "node",
  label: ({ path }) => `node ${path}`,
  async release({ path, device }, services) {
    if (!(await isOwn(device, services))) return leaveAlone(`node ${path}`, services);
    await rm(path, { force: true });
  },
});

const deadlineMs = 5_000;

/** Waits until the kernel has the partition and /dev its node; makes the node where /dev is not the kernel's own (containers). */
async function waitForNode(path: string, device: string, { node, exec, borrow }: NodeRequest): Promise<void> {
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
        borrow(deviceNode, { path, device });
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
