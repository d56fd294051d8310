import { parseSealed } from "./sealed-json.js";
import type { HookChanges } from "./hook-view.js";
import type { Fact } from "./freshness.js";
import type { ScriptMount } from "./script-mounts.js";
import type { FetchedCommit, FetchedFile } from "../fetch/sources.js";
import type { PhaseName } from "../phases/table.js";
import type { AptSuite } from "../report/report.js";

/** Of the store's format and of what a phase's key is made of. A layer of another version is not used. */
export const layerVersion = 1;

/** What a phase's result depends on: name (`file install.d/10-x`, `variable ARCH`, `element base`) → its state. */
export type Inputs = Readonly<Record<string, string>>;

/** What a phase made, as `layer.json` of the store keeps it beside the files. */
export interface Layer {
  readonly version: number;
  /** sha256 of the inputs and the parent. */
  readonly key: string;
  readonly phase: PhaseName;
  /** The image it was made for, to find what a new build of it has otherwise. */
  readonly image: string;
  /** Digest of the result of the phase before; empty for the first. */
  readonly parent: string;
  readonly inputs: Inputs;
  /** What its TypeScript steps asked for beside their inputs: name → state. */
  readonly reads: Inputs;
  /** What lies outside the build and was used: the layer is good as long as it is the same. */
  readonly facts: readonly Fact[];
  /** Digest of all that later phases can see of it and of what lies below. */
  readonly result: string;
  /** Of its tree: the canonical archive of it, see `digestTree`. */
  readonly treeDigest: string;
  readonly hooks: HookChanges;
  readonly mounts: readonly ScriptMount[];
  readonly files: readonly FetchedFile[];
  readonly commits: readonly FetchedCommit[];
  readonly aptSuites: readonly AptSuite[];
  /** How long the phase took, seconds. */
  readonly seconds: number;
  readonly sizeBytes: number;
  /** ISO 8601. */
  readonly createdAt: string;
  /** How the tree lies in the store: a folder to build on, or an archive where the file system can't carry one. */
  readonly form: "folder" | "packed";
  /** Of the stored files: inode, size, owner, mode and change time of each. */
  readonly seal: string;
}

/** Undefined for what is no whole description, or one of another version. */
export function parseLayer(written: string): Layer | undefined {
  const layer = parseSealed<Layer>(written);
  return layer?.version === layerVersion ? layer : undefined;
}
