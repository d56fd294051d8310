import type { BuildContext } from "../context.js";
import type { ResourceStack } from "../workspace/resource-stack.js";
import type { Filling } from "./fill-ext.js";

/** One node of the block device graph, as the tree or graph config gave it. Values are plain YAML data. */
export interface NodeConfig {
  readonly type: string;
  readonly name: string;
  readonly base?: string | undefined;
  readonly values: Readonly<Record<string, unknown>>;
}

/** A logical volume as the config has it; `vgs` is the name of its group. */
export interface WrittenVolume {
  readonly vgs: string;
  readonly size: string | undefined;
  readonly extents: string | undefined;
  readonly opts: readonly string[];
}

/** A loop device with its image file, a partition, a logical volume (with what was written of it) or an encrypted device. */
export type BlockDevice = {
  device: string;
  image?: string;
  offsetBytes: number;
  sizeBytes: number;
  luksUuid?: string;
} & Partial<WrittenVolume>;

export interface KnownFileSystem {
  readonly uuid: string;
  readonly label: string;
  readonly fstype: string;
  readonly opts: readonly string[];
}

/** What nodes leave for the nodes that stand on them, by node name. */
export interface DiskState {
  readonly blockdev: Map<string, BlockDevice>;
  /** Physical volumes and volume groups of LVM. */
  readonly pvs: Map<string, { device: string; opts: readonly string[] }>;
  readonly vgs: Map<string, { devices: readonly string[]; opts: readonly string[] }>;
  readonly filesys: Map<string, KnownFileSystem & { device: string }>;
  /** By mount point; `none` for swap. */
  readonly mount: Map<string, { name: string; base: string; path: string }>;
  readonly mountOrder: string[];
  /** By the name of the mount node that the line is for. */
  readonly fstab: Map<string, { name: string; base: string; options: string; dumpFreq: number; fsckPassno: number }>;
  /** By the name of the encrypted device that the line is for. */
  readonly crypttab: Map<string, { options: string; keyFile: string }>;
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
  readonly sectorSizeBytes: number;
  /** What sizes of disks are rounded up to, where a format asks for more than usual. */
  readonly sizeMultipleBytes: number | undefined;
  readonly mountBase: string;
  readonly isVfatMountable: boolean;
  /** What the root's file system may be made of, rather than empty. */
  readonly filling: Filling | undefined;
  /** The image is there, with its partitions and these file systems: it is attached and mounted, and nothing is made. */
  readonly existing: FileSystems | undefined;
  /** Values of secret variables by name, for what must not be in the config. */
  readonly secrets: Readonly<Record<string, string>>;
  readonly exec: BuildContext["exec"];
  readonly emit: BuildContext["emit"];
  readonly signal: AbortSignal;
  /** Notes what was borrowed from the host; call it in the next statement. Given back newest first. */
  readonly borrow: Borrow;
  /** For what ends with this process in any case; newest first, by success and failure alike. */
  readonly resources: ResourceStack;
  /** True when devices and mounts must live on after this process, as `dib block-device create` leaves them. */
  readonly outlivesProcess: boolean;
}

/** The file systems that a disk has already, by the name of their nodes. */
export type FileSystems = ReadonlyMap<string, KnownFileSystem>;

/** Facts about something borrowed, enough to give it back; plain, since another process may have to do it. */
export type LoanData = Readonly<Record<string, string | number | boolean | undefined>>;

export interface LoanServices extends Pick<BuildContext, "exec" | "emit"> {
  /** Image files of the disk: what lies on none of them is somebody else's, whatever its name. */
  readonly images: readonly string[];
}

/** A kind of thing that nodes borrow from the host. */
export interface Loan<Data extends LoanData> {
  readonly name: string;
  readonly label: (data: Data) => string;
  /** Work on a disk whose content is complete, still mounted: trim, fill. Newest first; never after a failure. */
  readonly complete?: (data: Data, services: LoanServices & Pick<BuildContext, "signal">) => Promise<void>;
  /** Gives it back, by success and failure alike; fine with what is gone already. */
  readonly release: (data: Data, services: LoanServices) => Promise<void>;
}

export type Borrow = <Data extends LoanData>(loan: Loan<Data>, data: Data) => void;

/** Types a kind of loan. Does nothing at run time. */
export const defineLoan = <Data extends LoanData>(loan: Loan<Data>): Loan<Data> => loan;

/** A program of the build host, and the packages that bring it. */
export interface NodeHostCommand {
  readonly command: string;
  readonly debian?: string;
  readonly fedora?: string;
  readonly opensuse?: string;
}

/** Where a secret of a node is: what is written in the config would be in plans and logs. */
export type SecretPlace = { readonly variable: string } | { readonly file: string };

/** A node type: checks its config before the build, and creates it in the worker. */
export interface BlockNodeType {
  readonly name: string;
  /** Turns one config entry into the nodes it stands for, for example the partitions of a table. Without it: itself. */
  readonly expand?: (node: NodeConfig) => readonly NodeConfig[];
  /** What is wrong with a node, as sentences; checked when the plan is made. `graph` is all nodes in config order. */
  readonly check?: (node: NodeConfig, graph: readonly NodeConfig[]) => readonly string[];
  readonly hostCommands?: (node: NodeConfig) => readonly NodeHostCommand[];
  /** Names of nodes that must exist before, besides `base`. */
  readonly after?: (node: NodeConfig, graph: readonly NodeConfig[]) => readonly string[];
  /** What it must be told in secret. Such a variable is for the node alone: scripts get it only where an element declares it. */
  readonly secrets?: (node: NodeConfig) => readonly SecretPlace[];
  readonly create: (request: NodeRequest) => Promise<true | undefined>;
}

/** Types a node type. Does nothing at run time. */
export const defineBlockNode = (type: BlockNodeType): BlockNodeType => type;
