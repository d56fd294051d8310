import type { FetchedCommit, FetchedFile } from "../fetch/sources.js";
import type { PlannedDisk } from "../plan/plan.js";

/** One suite of an apt source, as its (In)Release file had it when packages were installed. */
export interface AptSuite {
  /** `Debian bookworm-updates`: origin and suite, whatever mirror it came from. */
  readonly suite: string;
  /** As the file says it. */
  readonly date: string;
  /** Of the file. */
  readonly sha256: string;
}

/** A published file. */
export interface Artifact {
  readonly format: string;
  /** Absolute path under its final name. */
  readonly path: string;
  readonly sizeBytes: number;
  /** Lower-case hex by algorithm; sha256 is always there. */
  readonly digests: Readonly<Record<string, string>>;
  /** Side files written with it: checksums, manifests. Absolute paths. */
  readonly sideFiles: readonly string[];
}

export interface ScriptReport {
  readonly script: string;
  readonly element: string;
  readonly kind: "shell" | "typescript";
  readonly seconds: number;
  readonly outcome: "done" | "skipped" | "failed";
}

export interface PhaseReport {
  readonly phase: string;
  readonly seconds: number;
  readonly scripts: readonly ScriptReport[];
  /** sha256 of what elements said the phase's result depends on; tree phases only. */
  readonly fingerprint?: string;
}

/** `NAME.report.json`: everything a build did. */
export interface BuildReport {
  readonly version: 1;
  readonly image: string;
  readonly arch: string;
  readonly planDigest: string;
  /** ISO 8601. */
  readonly startedAt: string;
  readonly seconds: number;
  readonly elements: readonly {
    readonly name: string;
    readonly version: string;
    readonly source: string;
    readonly package: string | undefined;
    readonly digest: string;
  }[];
  readonly phases: readonly PhaseReport[];
  /** Seconds of the engine's other stages by name: workspace, generateHooks, mkfs, copy, convert:qcow2, publish, … */
  readonly stages: Readonly<Record<string, number>>;
  /** Peak resident memory of our two processes, bytes. */
  readonly peakBytes: { readonly worker: number; readonly front: number };
  readonly disk:
    | (Pick<PlannedDisk, "origin" | "rootLabel" | "rootFsType" | "mountPoints"> & {
        readonly sizeBytes: number;
        readonly partitions: readonly {
          readonly name: string;
          readonly sizeBytes: number;
          readonly offsetBytes: number;
        }[];
        readonly fileSystems: readonly {
          readonly name: string;
          readonly type: string;
          readonly label: string;
          readonly uuid: string;
          readonly mountPoint: string | undefined;
        }[];
      })
    | undefined;
  /** What came from outside. Sorted; addresses without users, passwords and secrets. */
  readonly sources: {
    readonly files: readonly FetchedFile[];
    readonly git: readonly FetchedCommit[];
    readonly apt: readonly AptSuite[];
  };
  /** Installed packages as the image's package manager lists them. */
  readonly packages: readonly { readonly name: string; readonly version: string; readonly arch: string }[];
  readonly artifacts: readonly Artifact[];
}
