import type { Artifact } from "./report.js";

/** Which script said or did something. */
export interface ScriptRef {
  readonly phase: string;
  readonly element: string;
  readonly script: string;
}

/** The room that a file takes, or a folder with all in it; paths are the image's. */
export interface ImageUsage {
  readonly path: string;
  readonly sizeBytes: number;
}

/** What a build tells while it runs, in order. `dib build --json` prints one a line, with `time` (ISO 8601) added. */
export type BuildEvent =
  | {
      readonly type: "expanded";
      readonly elements: readonly { name: string; version: string }[];
      readonly asked: readonly string[];
    }
  | {
      readonly type: "planned";
      readonly digest: string;
      readonly phases: readonly { phase: string; scripts: number }[];
    }
  | {
      readonly type: "workspace";
      readonly buildDir: string;
      readonly imageDir: string;
      readonly tmpfs: boolean;
      readonly note?: string;
    }
  | {
      readonly type: "hooks-generated";
      readonly hooksDir: string;
      readonly phases: readonly string[];
      readonly files: number;
    }
  | { readonly type: "break"; readonly name: string }
  | {
      readonly type: "resolv-conf";
      readonly state: "kept-original" | "written" | "restored" | "kept-image" | "removed";
      readonly path: string;
    }
  | { readonly type: "mount" | "unmount"; readonly what: string; readonly target: string }
  | {
      readonly type: "phase-start";
      readonly phase: string;
      readonly place: "host" | "chroot";
      readonly root: "tree" | "disk";
    }
  | {
      /** Nothing of the phase runs: an earlier build has made its result. */
      readonly type: "phase-restored";
      readonly phase: string;
      /** Its name in the store. */
      readonly layer: string;
      readonly ageSeconds: number;
      /** How long the phase took when it ran. */
      readonly savedSeconds: number;
    }
  | { readonly type: "environment"; readonly phase: string; readonly files: readonly string[] }
  | ({ readonly type: "script-start" } & ScriptRef)
  | ({ readonly type: "output"; readonly stream: "stdout" | "stderr"; readonly text: string } & ScriptRef)
  | ({
      readonly type: "script-end";
      readonly seconds: number;
      readonly outcome: "done" | "skipped" | "failed";
    } & ScriptRef)
  | { readonly type: "phase-end"; readonly phase: string; readonly seconds: number }
  | { readonly type: "fetched"; readonly url: string; readonly sizeBytes: number; readonly sha256: string }
  | { readonly type: "checked-out"; readonly url: string; readonly ref: string; readonly commit: string }
  | {
      readonly type: "image-usage";
      /** What takes less is not listed. */
      readonly leastBytes: number;
      /** A long list comes in several events. */
      readonly isFirst: boolean;
      readonly isLast: boolean;
      /** Largest first. */
      readonly entries: readonly ImageUsage[];
    }
  | { readonly type: "fingerprint"; readonly phase: string; readonly digest: string }
  | { readonly type: "disk"; readonly doing: string; readonly node?: string; readonly seconds?: number }
  | {
      readonly type: "format";
      readonly format: string;
      readonly seconds: number;
      /** What it wrote: whole, and not yet under the final name. */
      readonly files: readonly string[];
    }
  | { readonly type: "artifact"; readonly artifact: Artifact }
  | { readonly type: "cleanup"; readonly what: string }
  /** `waits`: the build does nothing until another one has made what it needs. */
  | { readonly type: "note"; readonly level: "info" | "warning"; readonly text: string; readonly waits?: true }
  /** Nothing is made: the outputs are there, of a build that began then (ISO 8601), and nothing has changed since. */
  | { readonly type: "up-to-date"; readonly since: string }
  | { readonly type: "failed"; readonly code: string; readonly message: string }
  | { readonly type: "done"; readonly seconds: number };
