import type { Exec } from "../process/exec.js";
import type { ResourceStack } from "../workspace/resource-stack.js";

/** One node of the block device graph, as the tree or graph config gave it. Values are plain YAML data. */
export interface NodeConfig {
  readonly type: string;
  readonly name: string;
  readonly base?: string | undefined;
  readonly values: Readonly<Record<string, unknown>>;
}

/** A mounted or swapped-in place of the finished disk. */
export interface DiskMount {
  /** `/`, `/boot`, … or `none` for swap. */
  readonly mountPoint: string;
  readonly fileSystem: string;
}

/** What nodes leave for the nodes that stand on them, by node name. */
export interface DiskState {
  /** Partition or loop nodes in /dev, and image files. */
  readonly blockdev: Map<string, { device: string; image?: string; offsetBytes?: number; sizeBytes?: number }>;
  readonly filesys: Map<string, { uuid: string; label: string; fstype: string; opts: readonly string[]; device: string }>;
  readonly mount: Map<string, { name: string; base: string; path: string }>;
  readonly mountOrder: string[];
  readonly fstab: Map<string, { name: string; base: string; options: string; dumpFreq: number; fsckPassno: number }>;
}

/** A node to be created by a `blockDevice` tap; return undefined to leave it to another tap. */
export interface NodeRequest {
  readonly node: NodeConfig;
  /** Every node of the graph, in creation order. */
  readonly graph: readonly NodeConfig[];
  readonly state: DiskState;
  readonly imageDir: string;
  /** Bytes, from the size rules; what `local_loop` uses without a `size`. */
  readonly imageSizeBytes: number;
  readonly mountBase: string;
  readonly isVfatMountable: boolean;
  readonly exec: Exec;
  readonly signal: AbortSignal;
  /** Releases of what was made; newest first, by success and failure alike. */
  readonly resources: ResourceStack;
}

/** A node type: checks its config before the build, and creates it in the worker. */
export interface BlockNodeType {
  readonly name: string;
  /** What is wrong with a config entry, as sentences; checked when the plan is made. */
  readonly check?: (values: Readonly<Record<string, unknown>>) => readonly string[];
  readonly hostCommands?: (values: Readonly<Record<string, unknown>>) => readonly { command: string; debian?: string; fedora?: string; opensuse?: string }[];
  /** Names of nodes that must exist before, besides `base`. */
  readonly after?: (node: NodeConfig, graph: readonly NodeConfig[]) => readonly string[];
  readonly create: (request: NodeRequest) => Promise<true | undefined>;
}

/** Types a node type. Does nothing at run time. */
export const defineBlockNode = (type: BlockNodeType): BlockNodeType => type;
