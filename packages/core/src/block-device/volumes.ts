/** What an `lvm` entry means: its parts as nodes, and all that can be wrong with them. Pure. */
import { splitWords } from "./file-system.js";
import type { NodeConfig } from "./node.js";
import { parseSize } from "./sizes.js";
import { refusedVolumeWords } from "./volume-options.js";
import { textOf } from "./written-text.js";

type Values = Readonly<Record<string, unknown>>;
type Role = "lvm" | "pv" | "vg" | "lv";

const lists = ["pvs", "vgs", "lvs"] as const;

/** What a node is: `written` is an entry that lacks what it would be expanded by, kept for the check. */
export const roleOf = ({ values }: NodeConfig): Role | "written" => (values.role as Role | undefined) ?? "written";

/** The nodes of an entry, in config order. `base` of the entry itself says nothing: its physical volumes name theirs. */
export function expandVolumes({ base: _ignored, ...entry }: NodeConfig): readonly NodeConfig[] {
  if (!lists.every((list) => isListOfMaps(entry.values[list]))) return [entry];
  const { type, name: lvm } = entry;
  const part = (role: Role, base: string | undefined, { name, base: _base, ...own }: Values): NodeConfig => ({
    ...{ type, name: textOf(name) ?? "" },
    ...(base === undefined ? {} : { base }),
    values: { ...own, role, lvm },
  });
  const mapsOf = (list: (typeof lists)[number]) => entry.values[list] as readonly Values[];
  return [
    { type, name: lvm, values: { role: "lvm" } },
    ...mapsOf("pvs").map((pv) => part("pv", shownText(pv.base), pv)),
    ...mapsOf("vgs").map((vg) => part("vg", namesOf(vg.base)[0], { ...vg, pvs: namesOf(vg.base) })),
    ...mapsOf("lvs").map((lv) => part("lv", shownText(lv.base), lv)),
  ];
}

const isListOfMaps = (written: unknown): boolean =>
  Array.isArray(written) &&
  written.length > 0 &&
  written.every((one) => typeof one === "object" && one !== null && !Array.isArray(one));

const namesOf = (written: unknown): readonly string[] =>
  (Array.isArray(written) ? written : [written]).flatMap((name) => shownText(name) ?? []);

/** As Python shows it, whose messages people look for: a list of names is not a name. */
const shownText = (written: unknown): string | undefined =>
  Array.isArray(written) ? `[${written.map((one) => `'${textOf(one) ?? ""}'`).join(", ")}]` : textOf(written);

export interface VolumeParts {
  readonly pvs: readonly NodeConfig[];
  readonly vgs: readonly NodeConfig[];
  readonly lvs: readonly NodeConfig[];
}

/** The parts of the entry that a node is of. */
export function partsOf({ type, name, values }: NodeConfig, graph: readonly NodeConfig[]): VolumeParts {
  const lvm = values.role === "lvm" ? name : values.lvm;
  const of = (role: Role) =>
    graph.filter((node) => node.type === type && node.values.lvm === lvm && roleOf(node) === role);
  return { pvs: of("pv"), vgs: of("vg"), lvs: of("lv") };
}

export function checkVolumes(node: NodeConfig, graph: readonly NodeConfig[]): readonly string[] {
  const parts = partsOf(node, graph);
  switch (roleOf(node)) {
    case "written":
      return checkWritten(node);
    case "lvm":
      return isVolumeName(node.name) ? [] : [`lvm: ${JSON.stringify(node.name)} can't be a name for lvm`];
    case "pv":
      return [...checkPart(node, "pvs", "pvs_config"), ...checkOptions(node, "pv")];
    case "vg":
      return [...checkPart(node, "vgs", "vgs config"), ...checkGroup(node, parts, graph)];
    case "lv":
      return [...checkPart(node, "lvs", "lvs config"), ...checkVolume(node, parts), ...checkOptions(node, "lv")];
  }
}

function checkWritten({ name, values }: NodeConfig): string[] {
  const missing = { pvs: "Lvm config requires a 'pvs'", vgs: "Lvm config needs 'vgs'", lvs: "Lvm config needs 'lvs'" };
  return lists.flatMap((list) => {
    if (values[list] === undefined) return [missing[list]];
    return isListOfMaps(values[list]) ? [] : [`lvm ${name}: ${list} must be a list of maps that is not empty`];
  });
}

/** What lvm takes as a name, less what only it may use. */
const volumeName = /^(?!-|\.{1,2}$|snapshot|pvmove)[A-Za-z0-9_.+-]{1,100}$/;
const isVolumeName = (name: string): boolean => volumeName.test(name);

function checkPart({ name, base }: NodeConfig, list: string, inConfig: string): string[] {
  return [
    ...(name === "" ? [`Missing 'name' in ${list} config`] : []),
    ...(base === undefined ? [`Missing 'base' in ${inConfig}`] : []),
    ...(name === "" || isVolumeName(name) ? [] : [`${list} config: ${JSON.stringify(name)} can't be a name for lvm`]),
  ];
}

function checkGroup(node: NodeConfig, { pvs }: VolumeParts, graph: readonly NodeConfig[]): string[] {
  const bases = node.values.pvs as readonly string[];
  const others = graph.filter((other) => other !== node && roleOf(other) === "vg" && other.type === node.type);
  const used = others.flatMap(({ values }) => values.pvs as readonly string[]);
  return [
    ...bases
      .filter((base) => !pvs.some(({ name }) => name === base))
      .map((base) => `base:${base} in vgs does not match a valid pvs`),
    ...bases.filter((base) => used.includes(base)).map((base) => `${base} is in more than one of the vgs`),
    ...checkOptions(node, "vg"),
  ];
}

const volumeTypes = ["thin", "thin-pool"];

function checkVolume({ name, base, values }: NodeConfig, { vgs, lvs }: VolumeParts): string[] {
  const { size, extents, type } = values;
  return [
    ...(size === undefined && extents === undefined ? ["Missing 'size' or 'extents' in lvs config"] : []),
    ...(base === undefined || vgs.some((vg) => vg.name === base)
      ? []
      : [`base:${base} in lvs does not match a valid vg`]),
    ...(type === undefined || volumeTypes.includes(textOf(type) ?? "")
      ? []
      : [`Unsupported type:${textOf(type)}, supported types: ${volumeTypes.join(", ")}`]),
    ...(size === undefined || isVolumeSize(size)
      ? []
      : [`lvs ${name}: size ${JSON.stringify(size)} must be a size of at least 4 MiB`]),
    ...(extents === undefined || /^[1-9]\d*(%(VG|FREE|PVS))?$/.test(textOf(extents) ?? "")
      ? []
      : [`lvs ${name}: extents ${JSON.stringify(extents)} must be a number, or a share like 50%VG or 100%FREE`]),
    ...checkThin({ name, base, values }, lvs),
  ];
}

function isVolumeSize(written: unknown): boolean {
  const size = parseSize(written);
  return size !== undefined && "bytes" in size && size.bytes >= 4 * 2 ** 20;
}

function checkThin(
  { name, base, values }: Pick<NodeConfig, "name" | "base" | "values">,
  lvs: readonly NodeConfig[],
): string[] {
  const { type, "thin-pool": written, size } = values;
  if (type !== "thin") return written === undefined ? [] : [`lvs ${name}: thin-pool is for type thin only`];
  const before = lvs.slice(
    0,
    lvs.findIndex((lv) => lv.name === name),
  );
  const isPool = before.some((lv) => lv.name === textOf(written) && lv.base === base && lv.values.type === "thin-pool");
  return [
    ...(isPool
      ? []
      : [`lvs ${name}: thin-pool ${textOf(written) ?? "(none)"} is no thin-pool that the same vg has before`]),
    ...(size === undefined ? [`lvs ${name}: a thin volume needs a 'size'`] : []),
  ];
}

/** Only what concerns the volume itself: lvm sees no other device, configuration or file. */
function checkOptions({ name, values: { options } }: NodeConfig, of: "pv" | "vg" | "lv"): string[] {
  if (options === undefined) return [];
  const isText = (word: unknown) => ["string", "number"].includes(typeof word);
  if (typeof options !== "string" && !(Array.isArray(options) && options.every(isText)))
    return [`${name}: options must be a list of words`];
  return refusedVolumeWords(of, splitWords(options)).map(
    (option) => `${name}: the option ${JSON.stringify(option)} can't be used for a ${of}`,
  );
}
