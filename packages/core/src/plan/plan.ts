import type { NodeConfig, SecretPlace } from "../block-device/node.js";
import type { ElementSource } from "../elements/element.js";
import type { RequiredLock } from "../lock/lock.js";
import type { PhaseName } from "../phases/table.js";

/**
 * What a build will do, as pure data: JSON, printable, hashable. It holds no cache state, no time, no secret and no
 * path that is not an input. Where elements lie on this machine travels beside it (BuildPlaces).
 */
export interface BuildPlan {
  readonly version: 1;
  /** The image's name in the config, `image` for a build from the command line. */
  readonly image: string;
  /** IMAGE_NAME as written, without a format's ending. */
  readonly output: string;
  readonly arch: string;
  /** What the user asked for, before expansion. */
  readonly asked: readonly string[];
  /** In the one order: dependencies first, then name. */
  readonly elements: readonly PlannedElement[];
  /** Every file that generate_hooks puts into the hook folder, sorted by path. */
  readonly hookFiles: readonly PlannedFile[];
  /** environment.d files in the order they are sourced (bytewise). */
  readonly environmentFiles: readonly string[];
  /** All ten, in order. */
  readonly phases: readonly PlannedPhase[];
  /** The phases whose programs reach the network, in order; those of the others see a loopback and nothing else. */
  readonly network: readonly PhaseName[];
  /** What scripts get before environment.d: allow-listed, sorted by name. Values that name the run (TMP_*, …) are not here. */
  readonly environment: readonly PlannedVariable[];
  /** `-p`: installed after the install phase. */
  readonly packages: readonly string[];
  /**
   * `ramdisk`: a kernel and an initramfs, which elements put beside the output. `elements`: whatever they put there
   * (no-final-image). In both no disk is made.
   */
  readonly result: "image" | "ramdisk" | "elements";
  readonly disk: PlannedDisk | undefined;
  readonly outputs: readonly PlannedOutput[];
  readonly checksums: readonly string[];
  readonly settings: PlannedSettings;
  readonly hostCommands: readonly PlannedHostCommand[];
}

export interface PlannedElement {
  readonly name: string;
  readonly version: string;
  readonly source: ElementSource;
  readonly package: string | undefined;
  readonly digest: string;
  /** The chain that led to it, from what the user asked for; just itself when asked for. */
  readonly askedBy: readonly string[];
  readonly provides: readonly string[];
  readonly options: unknown;
  readonly isTyped: boolean;
  /** sha256 of a typed element's code. */
  readonly code?: string | undefined;
  /** False: no result of a phase that it takes part in is kept. @default true */
  readonly isCacheable?: boolean | undefined;
  /** Phases whose folders its scripts read, beside their own. */
  readonly reads?: readonly PhaseName[] | undefined;
}

export interface PlannedFile {
  /** Relative to the hook folder, for example `install.d/10-foo`. */
  readonly path: string;
  readonly element: string;
  /** Relative to the element's folder; undefined when `content` says what it holds. */
  readonly from: string | undefined;
  /** The whole text of a file that an element's plugin made (addEnvironment). */
  readonly content?: string | undefined;
  readonly kind: "file" | "link" | "folder";
  readonly executable: boolean;
  readonly linkTarget?: string | undefined;
  readonly digest: string;
}

export interface PlannedPhase {
  readonly phase: PhaseName;
  /** In the order they run: number, then bytes. */
  readonly scripts: readonly PlannedScript[];
}

export interface PlannedScript {
  readonly name: string;
  readonly element: string;
  readonly kind: "shell" | "typescript";
}

export interface PlannedVariable {
  readonly name: string;
  /** Undefined for a secret: its value travels by reference and is in no plan. */
  readonly value: string | undefined;
  readonly secret: boolean;
  /** `environment`, `--env`, a config file with line, `default`. */
  readonly origin: string;
}

export interface PlannedDisk {
  /** `file://…` as given, `element NAME`, `DIB_BLOCK_DEVICE_CONFIG` or `default`. */
  readonly origin: string;
  /** The graph in creation order, rootfs parameters merged in. */
  readonly nodes: readonly NodeConfig[];
  readonly rootLabel: string;
  readonly rootFsType: string;
  readonly bootLabel: string;
  readonly mountPoints: readonly string[];
  /** Fixed size, undefined when computed from the tree. */
  readonly sizeBytes: number | undefined;
  readonly extraSizeBytes: number | undefined;
  readonly journalSizeMiB: number;
  readonly mkfsOptions: string;
  readonly maxOnlineResize: number | undefined;
  readonly sectorSizeBytes: number;
  /** What nodes must be told in secret, and where it is. */
  readonly secrets?: readonly { readonly node: string; readonly place: SecretPlace }[] | undefined;
  /** The size is rounded up to it. @default 64 KiB */
  readonly sizeMultipleBytes?: number | undefined;
  /** Of the sizes that the layout itself gives its disks. */
  readonly largestWrittenBytes?: number | undefined;
}

export interface PlannedOutput {
  readonly format: string;
  readonly from: "tree" | "disk";
  readonly extension: string;
  /** Takes the raw image away: written last. */
  readonly consumesImage?: boolean;
  readonly isFolder?: boolean;
}

export interface PlannedSettings {
  readonly useTmpfs: boolean;
  readonly minTmpfsGiB: number;
  readonly qcow2Compression: "zstd" | "zlib" | "none";
  readonly qemuImgOptions: string;
  readonly gzipProgram?: string | undefined;
  readonly dockerTarget?: string | undefined;
  /** Its text. */
  readonly aciManifest?: string | undefined;
  readonly offline: boolean;
  readonly breaks: readonly string[];
  readonly shellOnError: boolean;
  readonly debugTrace: number;
  readonly overwriteOldImage: boolean;
  readonly keep: boolean;
}

export interface PlannedHostCommand {
  readonly command: string;
  readonly neededFor: string;
  readonly debian?: string | undefined;
  readonly fedora?: string | undefined;
  readonly opensuse?: string | undefined;
  readonly or?: readonly string[] | undefined;
  /** Modules that the program, an interpreter, must find. */
  readonly modules?: readonly string[] | undefined;
}

/** Where the plan's things lie on this machine, and what must not be in a plan. Sent to the worker beside it. */
export interface BuildPlaces {
  /** Element name → folder, entry module and where it was found. */
  readonly elements: Readonly<
    Record<string, { readonly folder: string; readonly entry?: string | undefined; readonly source: ElementSource }>
  >;
  /** Module paths of callers that tap worker hooks: default export `(hooks) => void`. */
  readonly plugins: readonly string[];
  /** Absolute: the final image name without an ending. */
  readonly output: string;
  /** Absolute: the caller's working folder; outside scripts run in it, since DIB's write side files relative to it. */
  readonly cwd: string;
  /** The caller's PATH, with the system's program folders added. */
  readonly path: string;
  /** Absolute: parent of the two work folders. */
  readonly tmpDir: string;
  /** Absolute: DIB_IMAGE_CACHE. */
  readonly cacheDir: string;
  /** Whether results of phases of earlier builds are taken, and kept; `refresh` keeps and takes none. */
  readonly layers: "use" | "refresh" | "none";
  /** Absolute: folders of packed results of phases, to take from and to leave in. @default none */
  readonly cacheFrom?: string | undefined;
  readonly cacheTo?: string | undefined;
  /** An image is made even if nothing has changed: callers of diskimage-builder expect a new one each time. @default false */
  readonly alwaysMakes?: boolean | undefined;
  /** Absolute: DIB_LOCKFILES. */
  readonly lockDir: string;
  /** Absolute: `_LIB`, the shell functions that elements source. */
  readonly libDir: string;
  /** ELEMENTS_PATH for scripts. */
  readonly elementsPath: string;
  /** Variable name → value. */
  readonly secrets: Readonly<Record<string, string>>;
  /** Variables of the run that are in no key: proxies, HOME, USER. */
  readonly runEnvironment: Readonly<Record<string, string>>;
  readonly caller: { readonly uid: number; readonly gid: number; readonly user: string; readonly home: string };
  /** DIB_ARGS. */
  readonly args: string;
  /** DIB_ENV; undefined when it holds what the plan has of DIB's variables. */
  readonly dibEnv?: string | undefined;
  /** The lock that the build must keep to. */
  readonly lock?: RequiredLock | undefined;
}
