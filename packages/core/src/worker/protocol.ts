import type { BuildPlan, BuildPlaces } from "../plan/plan.js";
import type { BuildEvent, ScriptRef } from "../report/events.js";
import type { BuildReport, PhaseReport } from "../report/report.js";

/**
 * The worker's channel: one JSON message a line on file descriptor 4, both ways. Script output never goes over it:
 * that is framed on descriptor 5 (see output-frames.ts), so that a flood of it holds the script back and not the build.
 * Descriptor 3 is the lifeline: when the front's end closes, the namespace ends.
 */
export const protocolVersion = 1;

export type ToWorker =
  | { readonly type: "build"; readonly version: number; readonly plan: BuildPlan; readonly places: BuildPlaces; readonly stagingDir: string }
  /** A break point's shell has ended. */
  | { readonly type: "resume" }
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
      readonly command: string;
    }
  | { readonly type: "done"; readonly result: WorkerResult }
  | { readonly type: "failed"; readonly error: WrittenError };

/** An error on its way through the channel. */
export interface WrittenError {
  readonly code: string | undefined;
  readonly context: unknown;
  readonly kind: string | undefined;
  readonly message: string;
  readonly stack: string | undefined;
  readonly causes: readonly string[];
  /** What could not be released after the failure. */
  readonly left: readonly string[];
}

/** What the worker made: staged files, and its part of the report. */
export interface WorkerResult {
  readonly staged: readonly { readonly format: string; readonly staged: string; readonly extension: string }[];
  readonly phases: readonly PhaseReport[];
  readonly stages: Readonly<Record<string, number>>;
  readonly disk: BuildReport["disk"];
  readonly packages: BuildReport["packages"];
}

export type OutputFrame = ScriptRef & { readonly stream: "stdout" | "stderr"; readonly bytes: Uint8Array };
