/** What can be wrong with a partition, as sentences; DIB's words where it has some. */
import { attributeNames, resolveAttribute } from "../gpt-types.js";
import type { NodeConfig } from "../node.js";
import { guid, resolvePartitionType, smallestGptBytes, type TableLabel } from "../partition-table.js";
import { parseSize } from "../sizes.js";
import { textOf } from "../written-text.js";
import { attributesOf, doesGrow, flagsOf, numberOf, tableOf } from "./partition-values.js";

export function checkPartition(node: NodeConfig, graph: readonly NodeConfig[]): string[] {
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
    ...(size === undefined && !doesGrow(node) ? [`No size in partition ${node.name}`] : []),
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
    ...checkGrow(node, tableOf(node, graph)),
    ...checkIdentity(node, label, tableOf(node, graph)),
    ...checkOrder(node, tableOf(node, graph), label),
    ...checkNames(node, label, graph),
  ];
}

function checkGrow(node: NodeConfig, table: readonly NodeConfig[]): string[] {
  const { grow, size } = node.values;
  const parsed = parseSize(size);
  return [
    ...(grow === undefined || typeof grow === "boolean" ? [] : [`partition ${node.name}: grow must be true or false`]),
    ...(doesGrow(node) && numberOf(node) !== table.length
      ? [`partition ${node.name} can't grow: only the last partition of a table has free space behind it`]
      : []),
    ...(doesGrow(node) && parsed !== undefined && "percent" in parsed
      ? [`partition ${node.name} grows: its size is the smallest that it may have, and no share`]
      : []),
  ];
}

const mbrId = /^(0x)?(?!0{8})[0-9a-f]{8}$/i;

/** UUIDs, attributes and the label: what a table says of a partition besides its place. */
function checkIdentity(node: NodeConfig, label: TableLabel, table: readonly NodeConfig[]): string[] {
  const { diskUuid, uuid, partlabel } = node.values;
  const own = textOf(uuid);
  const twins = table.filter(
    ({ values }) => own !== undefined && textOf(values.uuid)?.toLowerCase() === own.toLowerCase(),
  );
  const unknown = attributesOf(node).filter((attribute) => resolveAttribute(attribute) === undefined);
  const isMbrOnly = label === "mbr" && [uuid, partlabel, node.values.attributes].some((value) => value !== undefined);
  return [
    ...(diskUuid === undefined || (label === "gpt" ? guid : mbrId).test(textOf(diskUuid) ?? "")
      ? []
      : [
          `uuid ${JSON.stringify(diskUuid)} of the table on ${node.base} must be ${label === "gpt" ? "a UUID" : "eight hex digits that are not all 0"}`,
        ]),
    ...(isMbrOnly
      ? [`partition ${node.name}: an MBR has no uuid, partlabel or attributes of partitions; use a gpt`]
      : []),
    ...(own === undefined || guid.test(own) ? [] : [`partition ${node.name}: ${JSON.stringify(own)} is not a UUID`]),
    ...(twins.length > 1 ? [`partition UUID ${own} used more than once`] : []),
    ...unknown.map(
      (attribute) =>
        `partition ${node.name}: attribute ${JSON.stringify(attribute)} is not known (${attributeNames.join(", ")}, or the number of a bit: 0 to 2, 48 to 63)`,
    ),
  ];
}

function checkNames(node: NodeConfig, label: TableLabel, graph: readonly NodeConfig[]): string[] {
  const { base, type } = node;
  const name = textOf(node.values.partlabel) ?? node.name;
  const bases = graph.filter((other) => other.type === type && other.base === base && numberOf(other) === 1);
  return [
    // 36 UTF-16 units fit into an entry.
    ...(label === "gpt" && (name.length > 36 || /["\\\p{Cc}]/u.test(name))
      ? [
          `partition name ${JSON.stringify(name)} can't be written to a GPT: at most 36 characters, no quotes or controls`,
        ]
      : []),
    ...(bases.length > 1 ? [`${base} has more than one partition table`] : []),
  ];
}

function isAlignment(align: unknown): boolean {
  const size = parseSize(align);
  return size !== undefined && "bytes" in size && size.bytes > 0 && size.bytes % 4096 === 0;
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
