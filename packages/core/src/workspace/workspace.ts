import type { Target } from "../phases/phase-run.js";
import type { ResourceStack } from "./resource-stack.js";

/**
 * The scratch space of one build. Folders as DIB names them; the tree lies behind this interface so that layers can
 * come without moving anything.
 */
export interface Workspace {
  readonly id: string;
  /** TMP_BUILD_DIR: hooks, mnt, built, block-device, states. */
  readonly buildDir: string;
  /** TMP_IMAGE_DIR: the raw image. */
  readonly imageDir: string;
  /** TMP_HOOKS_PATH: every hook script of every element. */
  readonly hooksDir: string;
  /** TMP_MOUNT_PATH: where the target root is mounted, in tree phases the tree, in disk phases the disk. */
  readonly mountDir: string;
  /** Where the finished tree is parked while the disk is mounted at mountDir. */
  readonly builtDir: string;
  readonly isTmpfs: boolean;
  /** Newest first; released at the end of the build whatever happens. */
  readonly resources: ResourceStack;
  readonly target: Target;
}

/** What `mount` and `unmount` taps get. Mounts made through it are undone in reverse. */
export interface MountSet {
  readonly target: Target;
  /** Absolute paths in the worker, oldest first. */
  readonly mounted: readonly { readonly what: string; readonly target: string }[];
  /** `on` is a path inside the target and is made if missing. */
  mount(mount: { what: string; on: string; type?: string; options?: string }): Promise<void>;
  bind(source: string, on: string, options?: { readOnly?: boolean }): Promise<void>;
}

/** The merged scripts, env files and static files of all elements, on disk under `path`, before the first phase. */
export interface HookTree {
  readonly path: string;
  /** Paths relative to `path`, sorted bytewise. */
  list(folder?: string): Promise<readonly string[]>;
  read(path: string): Promise<string>;
  write(path: string, content: string, options?: { executable?: boolean }): Promise<void>;
  remove(path: string): Promise<void>;
}

/** Collects what a phase's result depends on besides the build's own inputs. Values are text; order does not matter. */
export interface Fingerprint {
  readonly phase: string;
  readonly env: Readonly<Record<string, string>>;
  add(key: string, value: string): void;
}
