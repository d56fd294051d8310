/**
 * A block device config is a tree (`mkfs` inside a partition inside `partitioning` …), a graph (a flat list whose
 * entries name their `base`), or a mixture. The tree is flattened into nodes, each type may expand its entries (a
 * partition table becomes its partitions), and the nodes are put in the order in which they can be created.
 */
import { isMap, isScalar, LineCounter, parseDocument, visit } from "yaml";
import { BuildError, throwFindings } from "../errors.js";
import type { BlockNodeType, NodeConfig } from "./node.js";
import { textOf } from "./written-text.js";

export type NodeTypes = ReadonlyMap<string, BlockNodeType>;
type Values = Readonly<Record<string, unknown>>;

const invalid = (place: string, reason: string) => new BuildError("BLOCK_DEVICE_CONFIG_INVALID", { place, reason });

/** Values of these keys are text as it was written: `type: 0x83` and `label: 0700` are not numbers. */
const textKeys = new Set(["name", "base", "label", "type", "uuid", "mount_point", "opts", "options", "size"]);

/** YAML as PyYAML reads it (1.1). Throws BLOCK_DEVICE_CONFIG_INVALID with line and column. */
export function parseBlockDeviceConfig(text: string, place: string): readonly unknown[] {
  const lineCounter = new LineCounter();
  const document = parseDocument(text, { version: "1.1", lineCounter });
  const [error] = document.errors;
  if (error !== undefined) {
    const { line, col } = lineCounter.linePos(error.pos[0]);
    throw invalid(`${place}:${line}:${col}`, error.message.split("\n")[0]?.replace(/ at line .*/, "") ?? "not YAML");
  }
  visit(document, {
    Pair(_, { key, value }) {
      if (isScalar(key) && textKeys.has(String(key.value)) && isScalar(value) && typeof value.value === "number")
        value.value = value.source;
    },
  });
  if (isMap(document.contents)) throw invalid(place, "the config must be a list of entries, each with a leading dash.");
  const entries = toJs(document, place);
  if (!Array.isArray(entries)) throw invalid(place, "the config must be a list of entries.");
  return entries;
}

function toJs(document: ReturnType<typeof parseDocument>, place: string): unknown {
  try {
    const value = document.toJS() as unknown;
    JSON.stringify(value); // an alias of what it is in can't be in a plan
    return value;
  } catch (cause) {
    throw new BuildError(
      "BLOCK_DEVICE_CONFIG_INVALID",
      { place, reason: cause instanceof Error ? cause.message : String(cause) },
      { cause },
    );
  }
}

/** Flattens the tree. Entries that are nodes already pass. Throws BLOCK_DEVICE_CONFIG_INVALID with DIB's messages. */
export function flattenConfig(entries: readonly unknown[], types: NodeTypes, place: string): readonly NodeConfig[] {
  return entries.flatMap((entry) => (isNode(entry) ? [entry] : flattenEntry(entry, undefined, types, place)));
}

const isRecord = (value: unknown): value is Values =>
  typeof value === "object" && value !== null && !Array.isArray(value);
const isNode = (entry: unknown): entry is NodeConfig =>
  isRecord(entry) && typeof entry.type === "string" && typeof entry.name === "string" && isRecord(entry.values);

function flattenEntry(entry: unknown, parent: string | undefined, types: NodeTypes, place: string): NodeConfig[] {
  if (!isRecord(entry)) throw invalid(place, `Config entry not a dict: ${JSON.stringify(entry)}`);
  const [first, ...rest] = Object.entries(entry);
  if (first === undefined || rest.length > 0)
    throw invalid(place, `Config entry top-level should be a single dict: ${JSON.stringify(entry)}`);
  const [type, written] = first;
  if (!types.has(type))
    throw invalid(place, `Config entry is not a plugin value: ${type} (known: ${[...types.keys()].sort().join(", ")})`);
  if (written !== null && !isRecord(written)) throw invalid(place, `Config entry not a dict: ${JSON.stringify(entry)}`);
  return flattenValues(type, written ?? {}, parent, types, place);
}

function flattenValues(
  type: string,
  written: Values,
  parent: string | undefined,
  types: NodeTypes,
  place: string,
): NodeConfig[] {
  const base = textOf(written.base) ?? parent;
  const name = textOf(written.name) ?? (base === undefined ? undefined : `${type}_${base}`);
  if (name === undefined) throw invalid(place, `Config entry [${type}] needs a 'name' or a 'base'`);
  const values: Record<string, unknown> = {};
  const children: NodeConfig[] = [];
  for (const [key, value] of Object.entries(written)) {
    if (key === "name" || key === "base") continue;
    if (key === "partitions" && Array.isArray(value)) {
      values[key] = value.map((partition) => {
        const [own, below] = splitPartition(partition, types, place);
        children.push(...below);
        return own;
      });
    } else if (types.has(key)) children.push(...flattenEntry({ [key]: value }, name, types, place));
    else values[key] = value;
  }
  return [{ type, name, ...(base === undefined ? {} : { base }), values }, ...children];
}

/** A partition's own keys, and the nodes that stand on it. */
function splitPartition(partition: unknown, types: NodeTypes, place: string): [Values, NodeConfig[]] {
  if (!isRecord(partition)) throw invalid(place, `Config entry not a dict: ${JSON.stringify(partition)}`);
  const name = textOf(partition.name);
  if (name === undefined) throw invalid(place, `a partition needs a 'name': ${JSON.stringify(partition)}`);
  const entries = Object.entries(partition);
  const below = entries
    .filter(([key]) => types.has(key))
    .flatMap(([key, value]) => flattenEntry({ [key]: value }, name, types, place));
  return [Object.fromEntries(entries.filter(([key]) => !types.has(key))), below];
}

/** Every node of every entry, checked by its type. Throws all that is wrong at once. */
export function expandNodes(entries: readonly NodeConfig[], types: NodeTypes, place: string): readonly NodeConfig[] {
  const unknown = entries
    .filter(({ type }) => !types.has(type))
    .map(({ type }) => invalid(place, `Config element [${type}] is not implemented`)); // DIB's words for a type it does not know
  throwFindings(unknown);
  return entries.flatMap((entry) => types.get(entry.type)?.expand?.(entry) ?? [entry]);
}

export function checkNodes(nodes: readonly NodeConfig[], types: NodeTypes, place: string): void {
  const findings = nodes.flatMap((node) => types.get(node.type)?.check?.(node, nodes) ?? []);
  throwFindings([...new Set(findings)].map((reason) => invalid(place, reason)));
}

/** In the order in which they can be created; config order where the edges leave a choice. */
export function orderNodes(nodes: readonly NodeConfig[], types: NodeTypes, place: string): readonly NodeConfig[] {
  const names = new Set<string>();
  for (const { name } of nodes) {
    if (names.has(name)) throw invalid(place, `Duplicate node name: ${name}`);
    names.add(name);
  }
  const edges = new Map(nodes.map((node) => [node.name, edgesOf(node, nodes, types, names, place)]));
  const waiting = [...nodes];
  const ordered: NodeConfig[] = [];
  const isDone = new Set<string>();
  while (waiting.length > 0) {
    const at = waiting.findIndex(({ name }) => edges.get(name)?.every((earlier) => isDone.has(earlier)));
    const [next] = at === -1 ? [] : waiting.splice(at, 1);
    if (next === undefined)
      throw invalid(
        place,
        `these nodes stand on each other in a circle: ${waiting.map(({ name }) => name).join(", ")}`,
      );
    ordered.push(next);
    isDone.add(next.name);
  }
  return ordered;
}

function edgesOf(
  node: NodeConfig,
  nodes: readonly NodeConfig[],
  types: NodeTypes,
  names: ReadonlySet<string>,
  place: string,
): readonly string[] {
  const edges = [
    ...(node.base === undefined ? [] : [node.base]),
    ...(types.get(node.type)?.after?.(node, nodes) ?? []),
  ];
  const missing = edges.find((edge) => !names.has(edge));
  if (missing !== undefined) throw invalid(place, `Edge not defined: ${missing}->${node.name}`);
  return edges;
}
