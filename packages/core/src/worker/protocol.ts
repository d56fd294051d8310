import type { BuildPlan, BuildPlaces } from "../plan/plan.js";
import type { FailureKind } from "../errors.js";
import type { StagedFile } from "../formats/export.js";
import type { PhaseForecast } from "../layers/forecast.js";
import type { Published } from "../layers/up-to-date.js";
import type { BuildEvent, ScriptRef } from "../report/events.js";
import type { BuildReport, PhaseReport } from "../report/report.js";
import type { SideFile } from "../workspace/side-files.js";
import type { SideFolder } from "../workspace/side-folders.js";

/**
 * The worker speaks over its three standard streams, so that any launch chain (sudo, a machine elsewhere) can carry it.
 * Standard input: one JSON message a line; its end is the lifeline: when it closes, the worker's namespace ends.
 * Standard output: one JSON message a line. Standard error: framed script output (output-frames.ts), so that a flood of
 * it holds the script back and not the messages.
 */
export const protocolVersion = 5;

/** Where the worker finds the launch chain's standard output. Its own goes to standard error: programs inherit it, and their words are no messages. */
export const messageDescriptor = 4;

export type ToWorker =
  /** `forecast`: nothing is built, only told. */
  | {
      readonly type: "build" | "forecast";
      readonly version: number;
      readonly plan: BuildPlan;
      readonly places: BuildPlaces;
    }
  /** A break point's shell has ended, or the outputs are published (and these they are) or given up. */
  | { readonly type: "resume"; readonly published?: Published | undefined }
  | { readonly type: "abort"; readonly signal: string };

export type FromWorker =
  | { readonly type: "ready"; readonly version: number }
  | { readonly type: "event"; readonly event: BuildEvent }
  | {
      readonly type: "break";
      readonly name: string;
      /** Where the shell runs: the chroot's root, or undefined for outside. */
      readonly chroot: string | undefined;
      readonly cwd: string;
      readonly env: Readonly<Record<string, string>>;
    }
  | { readonly type: "forecast"; readonly phases: readonly PhaseForecast[] }
  /** Nothing has changed since the build that this is the report of. */
  | { readonly type: "up-to-date"; readonly report: BuildReport }
  /** The outputs are whole; waits to be resumed, and keeps their folder until then. */
  | { readonly type: "done"; readonly result: WorkerResult }
  | { readonly type: "released" }
  | { readonly type: "failed"; readonly error: WrittenError };

/** An error on its way through the channel. */
export interface WrittenError {
  readonly code: string | undefined;
  readonly context: unknown;
  readonly kind: FailureKind | undefined;
  readonly message: string;
  readonly stack: string | undefined;
  readonly causes: readonly string[];
  /** What could not be released after the failure. */
  readonly left: readonly string[];
}

/** What the worker made: staged files, and its part of the report. */
export interface WorkerResult {
  /** Absolute: the folder that all staged files lie in. */
  readonly staging: string;
  readonly staged: readonly StagedFile[];
  /** In that folder, too. */
  readonly sideFolders: readonly SideFolder[];
  /** What else elements have put beside the outputs. In that folder, too. */
  readonly sideFiles: readonly SideFile[];
  readonly phases: readonly PhaseReport[];
  readonly stages: Readonly<Record<string, number>>;
  readonly disk: BuildReport["disk"];
  readonly sources: BuildReport["sources"];
  readonly packages: BuildReport["packages"];
  /** Peak resident memory of the worker, bytes. */
  readonly peakBytes: number;
}

/** A piece of what a script wrote, as it came: lines may be cut anywhere. An empty one ends a line that has no newline. */
export interface OutputFrame {
  readonly script: ScriptRef;
  readonly stream: "stdout" | "stderr";
  readonly bytes: Uint8Array;
}
