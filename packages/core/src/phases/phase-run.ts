import type { BuildPlan } from "../plan/plan.js";
import type { Exec, ExecOptions, ExecResult } from "../process/exec.js";
import type { ScriptReport } from "../report/report.js";
import type { Workspace } from "../workspace/workspace.js";
import type { PhaseInfo } from "./table.js";

export type Env = Readonly<Record<string, string>>;

/**
 * The root that is being built, as the worker sees it. Reading and writing walk the path component by component
 * and never follow a link out of the root (throws TARGET_PATH_UNSAFE). Paths are absolute inside the target.
 */
export interface Target {
  /** Absolute path in the worker's mount namespace. */
  readonly path: string;
  /** Runs a program as root in the chroot, with the phase's environment; its output belongs to the running step. Throws when it fails, unless `check: false`. */
  run(file: string, args?: readonly string[], options?: Omit<ExecOptions, "cwd"> & { check?: boolean }): Promise<ExecResult>;
  /** Undefined when there is no such file; at most 16 MiB. */
  read(path: string): Promise<string | undefined>;
  write(path: string, content: string | Uint8Array, options?: { mode?: number; uid?: number; gid?: number }): Promise<void>;
  append(path: string, content: string): Promise<void>;
  link(path: string, linkTarget: string): Promise<void>;
  makeFolder(path: string, mode?: number): Promise<void>;
  remove(path: string): Promise<void>;
  exists(path: string): Promise<boolean>;
  /** Names in a folder, sorted; empty when there is none. */
  list(path: string): Promise<readonly string[]>;
}

/** One run of one phase; what its taps get. */
export interface PhaseRun {
  readonly phase: PhaseInfo;
  readonly plan: BuildPlan;
  readonly workspace: Workspace;
  readonly target: Target;
  /** What scripts of this phase get, environment.d included. */
  readonly env: Env;
  /** Element name → absolute folder, in the set's order. */
  readonly elementFolders: ReadonlyMap<string, string>;
  /** Runs a program on the host side with the phase's environment and logs its output under the running step. Throws when it fails. */
  readonly run: (file: string, args?: readonly string[], options?: ExecOptions & { check?: boolean }) => Promise<ExecResult>;
  readonly exec: Exec;
  /** Writes a line to the build log under the running step. */
  readonly log: (line: string) => void;
  readonly signal: AbortSignal;
}

/** One script or step about to run; `script` taps may run or skip it in another way. */
export interface ScriptRun {
  readonly name: string;
  readonly element: string;
  readonly kind: "shell" | "typescript";
  readonly run: PhaseRun;
}

/** What a `script` tap returns to say that it took care of it. */
export type ScriptOutcome = "done" | "skipped";

export type { ScriptReport };
