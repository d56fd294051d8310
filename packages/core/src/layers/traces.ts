/** What a phase leaves outside its tree and the hooks: what of it a cached phase can leave again, and what it fetched. */
import { readdirSync } from "node:fs";
import type { FetchedCommit, FetchedFile, SourceRecord } from "../fetch/sources.js";
import { canonicalJson } from "../plan/digest.js";
import type { Workspace } from "../workspace/workspace.js";
import { mountedBelow, readScriptMounts, type ScriptMount } from "./script-mounts.js";

export interface TracesSetting {
  readonly workspace: Workspace;
  readonly sources: SourceRecord;
  /** How many folders beside the outputs steps have staged so far: they are in no layer. */
  readonly countSideFolders: () => number;
  /** Folders whose content a build may bind. */
  readonly caches: readonly string[];
}

/** What was there before a phase ran. */
export interface Before {
  /** Keys of mounts, without those that earlier phases left. */
  readonly mounts: ReadonlySet<string>;
  readonly sideFolders: number;
  /** Names in the work folders. */
  readonly names: ReadonlySet<string>;
  readonly files: ReadonlySet<string>;
  readonly commits: ReadonlySet<string>;
}

/** `kept`: mounts that earlier phases left, and that were made again. */
export async function readBefore(
  { workspace, sources, countSideFolders }: TracesSetting,
  kept: readonly ScriptMount[],
): Promise<Before> {
  const ofScripts = kept.map(({ on }) => ` ${workspace.mountDir}${on}`);
  const mounts = [...(await mountedBelow(workspace.mountDir))];
  return {
    mounts: new Set(mounts.filter((key) => !ofScripts.some((place) => key.endsWith(place)))),
    sideFolders: countSideFolders(),
    names: namesIn(workspace),
    files: new Set(sources.files.map((each) => canonicalJson(each))),
    commits: new Set(sources.commits.map((each) => canonicalJson(each))),
  };
}

/** `refused`: why what the phase left can't be left again. */
export type Left =
  | { readonly refused: string }
  | {
      readonly mounts: readonly ScriptMount[];
      readonly files: readonly FetchedFile[];
      readonly commits: readonly FetchedCommit[];
    };

export async function readLeft(setting: TracesSetting, before: Before): Promise<Left> {
  const { workspace, sources, countSideFolders, caches } = setting;
  const { known, unknown } = await readScriptMounts(workspace.mountDir, before.mounts, caches);
  if (unknown.length > 0) return { refused: `left a mount that can't be made again: ${unknown.join(", ")}` };
  if (countSideFolders() > before.sideFolders) return { refused: "wrote beside the image" };
  const names = [...namesIn(workspace)].filter((name) => !before.names.has(name));
  if (names.length > 0) return { refused: `left files in TMP_BUILD_DIR or TMP_IMAGE_DIR: ${names.join(", ")}` };
  return {
    mounts: known,
    files: sources.files.filter((each) => !before.files.has(canonicalJson(each))),
    commits: sources.commits.filter((each) => !before.commits.has(canonicalJson(each))),
  };
}

/** Of the engine's own in the work folders; steps put what only they need into `scratch`. */
const ofTheEngine = new Set([
  ...[
    "hooks",
    "hooks.aside",
    "lib",
    "mnt",
    "built",
    "tree",
    "unpacked",
    "kept-hooks",
    "fetch-log",
    "scratch",
    "beside",
  ],
]);

const namesIn = ({ buildDir, imageDir }: Workspace): Set<string> =>
  new Set([buildDir, imageDir].flatMap((folder) => readdirSync(folder)).filter((name) => !ofTheEngine.has(name)));
