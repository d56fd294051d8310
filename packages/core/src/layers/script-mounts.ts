/**
 * What scripts mounted in the tree and left there for later phases, such as DIB's dpkg element an apt cache. A cached phase must
 * leave the same: a folder of the build's caches is bound again; anything else can't be made again by us.
 */
import { stat } from "node:fs/promises";
import { isAbsolute, join, relative } from "node:path";
import type { BuildContext } from "../context.js";
import { mustRun } from "../process/exec.js";
import { readMounts, type Mounted } from "../workspace/mounts.js";

/** A folder or file of the host, bound into the tree. */
export interface ScriptMount {
  /** Absolute on the host. */
  readonly source: string;
  /** Absolute in the tree. */
  readonly on: string;
  readonly isReadOnly: boolean;
}

/** What is mounted below the tree, as keys to compare with later. */
export async function mountedBelow(root: string): Promise<ReadonlySet<string>> {
  return new Set((await below(root)).map(keyOf));
}

/** What was mounted since `before`. `unknown`: places in the tree of what can't be mounted again. `caches`: folders whose content a build may bind. */
export async function readScriptMounts(
  root: string,
  before: ReadonlySet<string>,
  caches: readonly string[],
): Promise<{ known: ScriptMount[]; unknown: string[] }> {
  const all = await readMounts();
  const known: ScriptMount[] = [];
  const unknown: string[] = [];
  for (const mounted of (await below(root)).filter((each) => !before.has(keyOf(each)))) {
    const on = mounted.target.slice(root.length);
    const source = await sourceOf(mounted, all, root);
    const isOfCache = source !== undefined && caches.some((cache) => isInside(source, cache));
    if (isOfCache) known.push({ source, on, isReadOnly: mounted.options.includes("ro") });
    else unknown.push(on);
  }
  return { known, unknown };
}

const below = async (root: string): Promise<Mounted[]> =>
  (await readMounts()).filter(({ target }) => target.startsWith(`${root}/`));

const keyOf = ({ device, root, target }: Mounted): string => `${device} ${root} ${target}`;

const isInside = (path: string, folder: string): boolean => {
  const way = relative(folder, path);
  return way !== ".." && !way.startsWith("../") && !isAbsolute(way);
};

/** A path on the host that shows what is bound: of a mount of the same file system, with the rest of the way. */
async function sourceOf(bound: Mounted, all: readonly Mounted[], root: string): Promise<string | undefined> {
  const seen = await stat(bound.target, { bigint: true });
  for (const { device, root: shown, target } of all) {
    if (device !== bound.device || target.startsWith(`${root}/`) || !isInside(bound.root, shown)) continue;
    const path = join(target, relative(shown, bound.root));
    const found = await stat(path, { bigint: true }).catch(() => undefined);
    if (found?.dev === seen.dev && found.ino === seen.ino) return path;
  }
  return undefined;
}

/** Binds it where it was. Released with the mounts of the tree. */
export async function mountAgain(
  root: string,
  { source, on, isReadOnly }: ScriptMount,
  ctx: BuildContext,
): Promise<void> {
  const target = join(root, on);
  await mustRun(ctx.exec, "mount", ["--bind", "--", source, target]);
  if (isReadOnly) await mustRun(ctx.exec, "mount", ["-o", "remount,bind,ro", "--", target]);
  ctx.emit({ type: "mount", what: source, target });
}
