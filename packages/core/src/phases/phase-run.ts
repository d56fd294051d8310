import type { Sources } from "../fetch/sources.js";
import type { BuildPlan } from "../plan/plan.js";
import type { Exec, ExecOptions, ExecResult } from "../process/exec.js";
import type { Workspace } from "../workspace/workspace.js";
import type { PhaseInfo } from "./table.js";

export type Env = Readonly<Record<string, string>>;

/** How a program of a step is run; a non-zero exit is an error unless `check` is false. */
export type StepExecOptions = Pick<ExecOptions, "input"> & { readonly env?: Env; readonly check?: boolean };

/**
 * The root that is being built, as the worker sees it. Reading and writing walk the path component by component
 * and never follow a link out of the root (throws TARGET_PATH_UNSAFE). Paths are absolute inside the target.
 */
export interface Target {
  /** Absolute path in the worker's mount namespace. */
  readonly path: string;
  /** The path on the host side of what `path` is inside: all links resolved, as a chroot would resolve them. */
  resolve(path: string): Promise<string>;
  /** Runs a program as root in the chroot, with the phase's environment; its output is logged under the running step. */
  run(file: string, args?: readonly string[], options?: StepExecOptions): Promise<ExecResult>;
  /** Undefined when there is no such file; at most 16 MiB. */
  read(path: string): Promise<string | undefined>;
  write(
    path: string,
    content: string | Uint8Array,
    options?: { mode?: number; uid?: number; gid?: number },
  ): Promise<void>;
  append(path: string, content: string): Promise<void>;
  link(path: string, linkTarget: string): Promise<void>;
  makeFolder(path: string, mode?: number): Promise<void>;
  remove(path: string): Promise<void>;
  exists(path: string): Promise<boolean>;
  /** Names in a folder, sorted; empty when there is none. */
  list(path: string): Promise<readonly string[]>;
}

/** A script or step by name; `element` is where it comes from. */
export interface ScriptName {
  readonly name: string;
  readonly element: string;
  readonly kind: "shell" | "typescript";
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
  /** Runs a program on the host side with the phase's environment; its output is logged under the running step. */
  readonly run: (file: string, args?: readonly string[], options?: StepExecOptions) => Promise<ExecResult>;
  readonly exec: Exec;
  /** What a step fetches through it is in the report and in `dib.lock`, and a locked build is held to it. */
  readonly sources: Sources;
  /**
   * Gives an empty folder to fill. When the build has succeeded it appears at `path`, in place of what is there, together
   * with the outputs; all in it becomes the caller's.
   */
  readonly stageFolder: (path: string) => Promise<string>;
  /** Writes a line to the build log under the running step. */
  readonly log: (line: string) => void;
  readonly signal: AbortSignal;
  /** What `addScript` taps with: lets `script` taps decide, then runs the step with itself as the running step, times and reports it. */
  readonly perform: (script: ScriptName, step: (run: PhaseRun) => Promise<void> | void) => Promise<void>;
}

/** One script or step about to run; `script` taps may run or skip it in another way. */
export interface ScriptRun extends ScriptName {
  readonly run: PhaseRun;
}

/** What a `script` tap returns to say that it took care of it. */
export type ScriptOutcome = "done" | "skipped";
