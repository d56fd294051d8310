import { chmod, readdir, readFile, symlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { copy, ensureDir, outputFile, remove } from "fs-extra/esm";
import type { BuildContext } from "../context.js";
import type { BuildPlaces, BuildPlan, PlannedFile } from "../plan/plan.js";
import { compareBytes, isScriptName } from "../phases/order.js";
import { phaseNames } from "../phases/table.js";

/** The merged scripts, env files and static files of all elements, on disk under `path`, before the first phase. */
export interface HookTree {
  readonly path: string;
  /** Paths relative to `path`, sorted bytewise. */
  list(folder?: string): Promise<readonly string[]>;
  read(path: string): Promise<string>;
  write(path: string, content: string, options?: { executable?: boolean }): Promise<void>;
  remove(path: string): Promise<void>;
}

/** Which element a script in the hook folder came from; scripts that a script made itself belong to nobody. */
export type ScriptOwners = ReadonlyMap<string, string>;

/** Puts every file of every element into the hook folder, once for all phases, and lets `generateHooks` taps edit it. */
export async function generateHooks(
  hooksDir: string,
  plan: BuildPlan,
  places: BuildPlaces,
  ctx: BuildContext,
): Promise<ScriptOwners> {
  const dropped = droppedScripts(plan);
  const files = plan.hookFiles.filter(({ path }) => !dropped.has(path));
  for (const file of files) await place(file, join(hooksDir, file.path), places);
  // For scripts in the chroot that run folders of their own.
  await copy(join(places.libDir, "dib-run-parts"), join(hooksDir, "dib-run-parts"));
  await ctx.hooks.generateHooks.run(hookTree(hooksDir));
  const folders = await readdir(hooksDir);
  const phases = phaseNames.filter((name) => folders.includes(`${name}.d`));
  ctx.emit({ type: "hooks-generated", hooksDir, phases, files: files.length });
  return new Map(files.map(({ path, element }) => [path, element]));
}

/** A `plan` tap may have taken scripts out of a phase; their files are then left out too. */
function droppedScripts(plan: BuildPlan): ReadonlySet<string> {
  const planned = new Set(plan.phases.flatMap(({ phase, scripts }) => scripts.map(({ name }) => `${phase}.d/${name}`)));
  const isScript = ({ path, executable, kind }: PlannedFile) =>
    kind !== "folder" &&
    executable &&
    phaseNames.some((name) => path.startsWith(`${name}.d/`) && isScriptName(path.slice(`${name}.d/`.length)));
  return new Set(plan.hookFiles.filter((file) => isScript(file) && !planned.has(file.path)).map(({ path }) => path));
}

/** Modes come from the plan and never from the packed file: package managers lose them. Nothing of an element is linked or changed. */
async function place(file: PlannedFile, to: string, places: BuildPlaces): Promise<void> {
  if (file.kind === "folder") {
    await ensureDir(to, 0o755);
    return;
  }
  await ensureDir(dirname(to), 0o755);
  await remove(to);
  if (file.kind === "link" && file.linkTarget !== undefined) return symlink(file.linkTarget, to);
  if (file.from === undefined) await writeFile(to, file.content ?? "");
  else await copy(join(folderOf(file.element, places), file.from), to, { dereference: true });
  await chmod(to, file.executable ? 0o755 : 0o644);
}

function folderOf(element: string, places: BuildPlaces): string {
  const found = places.elements[element];
  if (found === undefined) throw new Error(`the plan names element ${element}, which has no place`);
  return found.folder;
}

function hookTree(path: string): HookTree {
  return {
    path,
    async list(folder = ".") {
      const entries = await readdir(join(path, folder), { recursive: true, withFileTypes: true }).catch(() => []);
      const files = entries
        .filter((entry) => !entry.isDirectory())
        .map((entry) => join(entry.parentPath, entry.name).slice(path.length + 1));
      return files.sort(compareBytes);
    },
    read: (file) => readFile(join(path, file), "utf8"),
    async write(file, content, { executable = false } = {}) {
      await outputFile(join(path, file), content);
      await chmod(join(path, file), executable ? 0o755 : 0o644);
    },
    remove: (file) => remove(join(path, file)),
  };
}
