import type { BuildConfig } from "../config/schema.js";
import { BuildError } from "../errors.js";
import type { PlannedDisk, PlannedHostCommand } from "../plan/plan.js";
import { ConfigPlaces } from "./config-places.js";
import { checkNodes, expandNodes, flattenConfig, orderNodes, type NodeTypes } from "./graph.js";
import { parseBlockDeviceConfig } from "./parse-config.js";
import type { NodeConfig } from "./node.js";
import { labelOf } from "./file-system.js";
import { parseSize, roundUpSize } from "./sizes.js";
import { textOf } from "./written-text.js";

/** A block device config before it is understood. */
export interface WrittenDisk {
  /** YAML, or entries that are parsed already. */
  readonly config: string | readonly unknown[];
  /** `file://…`, `element NAME`, `DIB_BLOCK_DEVICE_CONFIG`, `default`. */
  readonly origin: string;
}

/** DIB's last resort: a bare file system without a partition table. */
export const defaultDisk: WrittenDisk = {
  origin: "default",
  config: `- local_loop:
    name: image0
    mkfs:
      name: mkfs_root
      mount:
        mount_point: /
        fstab:
          options: defaults
          fsck-passno: 1
`,
};

export type DiskSettings = Pick<
  BuildConfig,
  | "imageSizeGiB"
  | "imageExtraSizeMiB"
  | "mkfsOptions"
  | "mkfsJournalSizeMiB"
  | "maxOnlineResize"
  | "rootLabel"
  | "fsType"
  | "sectorSizeBytes"
>;

/** The disk of a plan. Pure. Throws BLOCK_DEVICE_CONFIG_INVALID, several at once as SEVERAL_FINDINGS. */
export function planDisk({ config, origin }: WrittenDisk, settings: DiskSettings, types: NodeTypes): PlannedDisk {
  const places = new ConfigPlaces(origin);
  const entries = typeof config === "string" ? parseBlockDeviceConfig(config, places) : config;
  const merged = mergeRootParameters(flattenConfig(entries, types, places), rootParameters(settings));
  const facts = describeGraph(assembleGraph(merged, types, places));
  if (!facts.mountPoints.includes("/")) throw noRoot(origin);
  const secrets = facts.nodes.flatMap((node) =>
    (types.get(node.type)?.secrets?.(node) ?? []).map((place) => ({ node: node.name, place })),
  );
  return {
    origin,
    ...facts,
    ...(secrets.length === 0 ? {} : { secrets }),
    rootFsType: facts.rootFsType ?? settings.fsType,
    sizeBytes: settings.imageSizeGiB === undefined ? undefined : roundUpSize(settings.imageSizeGiB * 2 ** 30),
    extraSizeBytes: settings.imageExtraSizeMiB === undefined ? undefined : settings.imageExtraSizeMiB * 2 ** 20,
    journalSizeMiB: settings.mkfsJournalSizeMiB,
    mkfsOptions: settings.mkfsOptions,
    maxOnlineResize: settings.maxOnlineResize,
    sectorSizeBytes: settings.sectorSizeBytes ?? facts.sectorSizeBytes, // DIB_BLOCK_SIZE wins
  };
}

/** The content would have nowhere to go. */
export const noRoot = (place: string): BuildError =>
  new BuildError("BLOCK_DEVICE_CONFIG_INVALID", { place, reason: "no file system is mounted at /" });

/** All nodes, in config order and in the order of creation. Throws BLOCK_DEVICE_CONFIG_INVALID. */
export function assembleGraph(
  entries: readonly NodeConfig[],
  types: NodeTypes,
  places: ConfigPlaces,
): Readonly<Record<"nodes" | "ordered", readonly NodeConfig[]>> {
  const nodes = expandNodes(entries, types, places);
  checkNodes(nodes, types, places);
  return { nodes, ordered: orderNodes(nodes, types, places) };
}

/** What a graph says of the disk. */
export interface GraphFacts extends Pick<
  PlannedDisk,
  "nodes" | "rootLabel" | "bootLabel" | "mountPoints" | "sectorSizeBytes" | "largestWrittenBytes"
> {
  readonly rootFsType: string | undefined;
}

export function describeGraph({ nodes, ordered }: ReturnType<typeof assembleGraph>): GraphFacts {
  const root = fileSystemUnder("/", ordered);
  const boot = fileSystemUnder("/boot", ordered);
  return {
    nodes: ordered,
    rootLabel: root === undefined ? "" : labelOf(root.name, root.values),
    rootFsType: textOf(root?.values.type),
    bootLabel: boot === undefined ? "" : labelOf(boot.name, boot.values),
    mountPoints: nodes.filter(({ type }) => type === "mount").map(({ values }) => textOf(values.mount_point) ?? ""),
    sectorSizeBytes: Number(nodes.find(({ type }) => type === "local_loop")?.values.block_size ?? 512),
    ...largestOf(nodes),
  };
}

function largestOf(nodes: readonly NodeConfig[]): Pick<PlannedDisk, "largestWrittenBytes"> {
  const sizes = nodes.flatMap(({ type, values }) => (type === "local_loop" ? (parseSize(values.size) ?? []) : []));
  const bytes = sizes.flatMap((size) => ("bytes" in size ? [size.bytes] : []));
  return bytes.length === 0 ? {} : { largestWrittenBytes: Math.max(...bytes) };
}

/** Programs that the nodes of a disk need on the build host. */
export function diskHostCommands({ nodes }: PlannedDisk, types: NodeTypes): readonly PlannedHostCommand[] {
  const all = nodes.flatMap((node) =>
    (types.get(node.type)?.hostCommands?.(node) ?? []).map((command) => ({
      ...command,
      neededFor: `block device ${node.type}`,
    })),
  );
  return [...new Map(all.map((command) => [command.command, command])).values()];
}

/** What the node `mkfs_root` gets when it does not say it itself. */
export interface RootParameters {
  readonly type?: string | undefined;
  /** Null: the default label of the type. Undefined: the node's name stays its label. */
  readonly label?: string | null | undefined;
  /** Of a file system of that type. */
  readonly opts?: ((type: string) => string) | undefined;
}

const rootParameters = (settings: DiskSettings): RootParameters => ({
  type: settings.fsType,
  label: settings.rootLabel ?? null,
  opts: (type) => rootOptions(type, settings),
});

/** DIB's _merge_rootfs_params. */
export function mergeRootParameters(nodes: readonly NodeConfig[], root: RootParameters): readonly NodeConfig[] {
  return nodes.map((node) => {
    if (node.type !== "mkfs" || node.name !== "mkfs_root") return node;
    const type = textOf(node.values.type) ?? root.type;
    const label = root.label === null ? (type === "xfs" ? "img-rootfs" : "cloudimg-rootfs") : root.label;
    const given = { type, label, opts: type === undefined ? undefined : root.opts?.(type) };
    const missing = Object.entries(given).filter(
      ([key, value]) => value !== undefined && (node.values[key] ?? undefined) === undefined,
    );
    return { ...node, values: { ...node.values, ...Object.fromEntries(missing) } };
  });
}

/** DIB's root-fs-opts: `-E resize` for any type, inode ratio and journal for ext4, then what the user wrote. */
function rootOptions(type: string, { maxOnlineResize, mkfsJournalSizeMiB, mkfsOptions }: DiskSettings): string {
  return [
    ...(maxOnlineResize === undefined ? [] : [`-E resize=${maxOnlineResize}`]),
    ...(type === "ext4" ? [`-i 4096 -J size=${mkfsJournalSizeMiB}`] : []),
    ...(mkfsOptions === "" ? [] : [mkfsOptions]),
  ].join(" ");
}

function fileSystemUnder(mountPoint: string, nodes: readonly NodeConfig[]): NodeConfig | undefined {
  const mount = nodes.find(({ type, values }) => type === "mount" && values.mount_point === mountPoint);
  return nodes.find(({ type, name }) => type === "mkfs" && name === mount?.base);
}
