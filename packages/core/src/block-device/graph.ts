/**
 * A block device config is a tree (`mkfs` inside a partition inside `partitioning` …), a graph (a flat list whose
 * entries name their `base`), or a mixture. The tree is flattened into nodes, each type may expand its entries (a
 * partition table becomes its partitions), and the nodes are put in the order in which they can be created.
 */
import { BuildError, throwFindings } from "../errors.js";
import type { ConfigPlaces } from "./config-places.js";
import type { BlockNodeType, NodeConfig } from "./node.js";
import { textOf } from "./written-text.js";

export type NodeTypes = ReadonlyMap<string, BlockNodeType>;
type Values = Readonly<Record<string, unknown>>;

const invalid = (place: string, reason: string) => new BuildError("BLOCK_DEVICE_CONFIG_INVALID", { place, reason });

/** What flattening needs to know: the types there are, and where things were written. */
interface Grammar {
  readonly types: NodeTypes;
  readonly places: ConfigPlaces;
}

/** Flattens the tree. Entries that are nodes already pass. Throws BLOCK_DEVICE_CONFIG_INVALID with DIB's messages. */
export function flattenConfig(
  entries: readonly unknown[],
  types: NodeTypes,
  places: ConfigPlaces,
): readonly NodeConfig[] {
  return entries.flatMap((entry) =>
    isNode(entry) ? [entry] : flattenEntry(entry, { place: places.of(entry) }, { types, places }),
  );
}

const isRecord = (value: unknown): value is Values =>
  typeof value === "object" && value !== null && !Array.isArray(value);
const isNode = (entry: unknown): entry is NodeConfig =>
  isRecord(entry) && typeof entry.type === "string" && typeof entry.name === "string" && isRecord(entry.values);

/** What an entry lies in. */
interface Parent {
  readonly name?: string;
  readonly place: string;
}

function flattenEntry(entry: unknown, parent: Parent, grammar: Grammar): NodeConfig[] {
  const { types } = grammar;
  const { place } = parent;
  if (!isRecord(entry)) throw invalid(place, `Config entry not a dict: ${JSON.stringify(entry)}`);
  const [first, ...rest] = Object.entries(entry);
  if (first === undefined || rest.length > 0)
    throw invalid(place, `Config entry top-level should be a single dict: ${JSON.stringify(entry)}`);
  const [type, written] = first;
  if (!types.has(type))
    throw invalid(place, `Config entry is not a plugin value: ${type} (known: ${[...types.keys()].sort().join(", ")})`);
  if (written !== null && !isRecord(written)) throw invalid(place, `Config entry not a dict: ${JSON.stringify(entry)}`);
  return flattenValues(type, written ?? {}, parent, grammar);
}

function flattenValues(type: string, written: Values, parent: Parent, grammar: Grammar): NodeConfig[] {
  const place = grammar.places.of(written, parent.place);
  const base = textOf(written.base) ?? parent.name;
  const name = textOf(written.name) ?? (base === undefined ? undefined : `${type}_${base}`);
  if (name === undefined) throw invalid(place, `Config entry [${type}] needs a 'name' or a 'base'`);
  grammar.places.noteNode(name, place);
  const values: Record<string, unknown> = {};
  const children: NodeConfig[] = [];
  for (const [key, value] of Object.entries(written)) {
    if (key === "name" || key === "base") continue;
    if (key === "partitions" && Array.isArray(value)) {
      values[key] = value.map((partition) => {
        const [own, below] = splitPartition(partition, place, grammar);
        children.push(...below);
        return own;
      });
    } else if (grammar.types.has(key)) children.push(...flattenEntry({ [key]: value }, { name, place }, grammar));
    else values[key] = value;
  }
  return [{ type, name, ...(base === undefined ? {} : { base }), values }, ...children];
}

/** A partition's own keys, and the nodes that stand on it. It always lies on what its table lies on. */
function splitPartition(partition: unknown, tablePlace: string, grammar: Grammar): [Values, NodeConfig[]] {
  const place = grammar.places.of(partition, tablePlace);
  if (!isRecord(partition)) throw invalid(place, `Config entry not a dict: ${JSON.stringify(partition)}`);
  const name = textOf(partition.name);
  if (name === undefined || name === "")
    throw invalid(place, `a partition needs a 'name': ${JSON.stringify(partition)}`);
  grammar.places.noteNode(name, place);
  const entries = Object.entries(partition);
  const below = entries
    .filter(([key]) => grammar.types.has(key))
    .flatMap(([key, value]) => flattenEntry({ [key]: value }, { name, place }, grammar));
  return [Object.fromEntries(entries.filter(([key]) => !grammar.types.has(key) && key !== "base")), below];
}

/** The nodes that every entry stands for. Throws BLOCK_DEVICE_CONFIG_INVALID with DIB's messages. */
export function expandNodes(
  entries: readonly NodeConfig[],
  types: NodeTypes,
  places: ConfigPlaces,
): readonly NodeConfig[] {
  const unknown = entries.filter(({ type }) => !types.has(type));
  throwFindings(
    unknown.map(({ type, name }) => invalid(places.ofNode(name), `Config element [${type}] is not implemented`)),
  ); // DIB's words for a type it does not know
  const nodes = entries.flatMap((entry) => {
    const own = types.get(entry.type)?.expand?.(entry) ?? [entry];
    for (const { name } of own) if (!places.hasNode(name)) places.noteNode(name, places.ofNode(entry.name));
    return own;
  });
  const names = new Set<string>();
  for (const { name } of nodes) {
    if (names.has(name)) throw invalid(places.ofNode(name), `Duplicate node name: ${name}`);
    names.add(name);
  }
  return nodes;
}

/** Names become words of IMAGE_BLOCK_DEVICES, which bash evaluates. */
const nodeName = /^[\p{L}\p{N}_.,+:/@-]+( [\p{L}\p{N}_.,+:/@-]+)*$/u;

/** An empty one has words of its own. */
const checkName = ({ name }: NodeConfig): readonly string[] =>
  name === "" || nodeName.test(name)
    ? []
    : [`name ${JSON.stringify(name)} must be of letters, digits and _ . , + : / @ -, with single spaces between`];

/** Every node checked by its type. Throws all that is wrong at once. */
export function checkNodes(nodes: readonly NodeConfig[], types: NodeTypes, places: ConfigPlaces): void {
  const findings = new Map<string, BuildError>();
  for (const node of nodes)
    for (const reason of [...checkName(node), ...(types.get(node.type)?.check?.(node, nodes) ?? [])])
      if (!findings.has(reason)) findings.set(reason, invalid(places.ofNode(node.name), reason));
  throwFindings([...findings.values()]);
}

/** In the order in which they can be created; config order where the edges leave a choice. */
export function orderNodes(
  nodes: readonly NodeConfig[],
  types: NodeTypes,
  places: ConfigPlaces,
): readonly NodeConfig[] {
  const names = new Set(nodes.map(({ name }) => name));
  const edges = new Map(nodes.map((node) => [node.name, edgesOf(node, nodes, types, names, places)]));
  const waiting = [...nodes];
  const ordered: NodeConfig[] = [];
  const done = new Set<string>();
  while (waiting.length > 0) {
    const at = waiting.findIndex(({ name }) => edges.get(name)?.every((earlier) => done.has(earlier)));
    const [next] = at === -1 ? [] : waiting.splice(at, 1);
    if (next === undefined)
      throw invalid(
        places.ofNode(waiting[0]?.name ?? ""),
        `these nodes stand on each other in a circle: ${waiting.map(({ name }) => name).join(", ")}`,
      );
    ordered.push(next);
    done.add(next.name);
  }
  return ordered;
}

function edgesOf(
  node: NodeConfig,
  nodes: readonly NodeConfig[],
  types: NodeTypes,
  names: ReadonlySet<string>,
  places: ConfigPlaces,
): readonly string[] {
  const edges = [
    ...(node.base === undefined ? [] : [node.base]),
    ...(types.get(node.type)?.after?.(node, nodes) ?? []),
  ];
  const missing = edges.find((edge) => !names.has(edge));
  if (missing !== undefined) throw invalid(places.ofNode(node.name), `Edge not defined: ${missing}->${node.name}`);
  return edges;
}
