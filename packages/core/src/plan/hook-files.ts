/**
 * What generate_hooks puts into the hook folder. Names that lie directly in a folder (scripts, environment files,
 * programs) must be unique, as in DIB. Of top-level files and of files deeper down, for example below `static`, the one
 * of the later element stays: an element overrides those that it depends on.
 */
import type { Element } from "../elements/element.js";
import type { Added } from "../elements/set-up.js";
import { BuildError } from "../errors.js";
import { compareBytes, compareScripts, isEnvironmentFileName, isScriptName } from "../phases/order.js";
import { phaseNames, type PhaseName } from "../phases/table.js";
import { sha256 } from "./digest.js";
import type { PlannedFile, PlannedPhase, PlannedScript } from "./plan.js";

/** Sorted by path, and PLAN_SCRIPT_CLASH for each two that can't both be there. */
export function mergeHookFiles(
  elements: readonly Element[],
  added: Pick<Added, "steps" | "environmentFiles">,
): { files: PlannedFile[]; clashes: BuildError[] } {
  const merged = new Map<string, PlannedFile>();
  const clashes: BuildError[] = [];
  for (const file of [...elements.flatMap(filesOf), ...environmentFilesOf(added)]) {
    const other = merged.get(file.path);
    if (other !== undefined && other.kind !== "folder" && file.kind !== "folder" && isDirectlyInFolder(file.path))
      clashes.push(clash(file.path, other.element, file.element));
    merged.set(file.path, other !== undefined && file.kind === "folder" ? other : file);
  }
  const holders = folderHolders(merged.values());
  for (const { path, kind, element } of merged.values()) {
    const holder = holders.get(path);
    if (holder !== undefined && kind !== "folder") clashes.push(clash(path, element, holder));
  }
  const files = [...merged.values()].filter(({ path, kind }) => kind !== "folder" || !holders.has(path));
  return {
    files: files.sort((a, b) => compareBytes(a.path, b.path)),
    clashes: [...clashes, ...stepClashes(files, added.steps)],
  };
}

const filesOf = ({ name, files }: Element): PlannedFile[] =>
  files.map(({ path, kind, executable, digest, linkTarget, from = path }) => ({
    ...{ path, element: name, from, kind, executable, digest },
    ...(linkTarget === undefined ? {} : { linkTarget }),
  }));

const environmentFilesOf = ({ environmentFiles }: Pick<Added, "environmentFiles">): PlannedFile[] =>
  environmentFiles.map(({ element, name, content }) => ({
    ...{ path: `environment.d/${name}`, element, from: undefined, content, digest: sha256(content) },
    kind: "file",
    executable: false,
  }));

const clash = (path: string, one: string, other: string) =>
  new BuildError("PLAN_SCRIPT_CLASH", { path, elements: [one, other] });

const isDirectlyInFolder = (path: string): boolean => path.split("/").length === 2;

/** Every folder that must be there for a file below it → an element that has such a file. */
function folderHolders(files: Iterable<PlannedFile>): ReadonlyMap<string, string> {
  const holders = new Map<string, string>();
  for (const { path, element } of files) {
    for (let end = path.lastIndexOf("/"); end > 0; end = path.lastIndexOf("/", end - 1))
      holders.set(path.slice(0, end), element);
  }
  return holders;
}

/** A step takes its name among the scripts of its phase. */
function stepClashes(files: readonly PlannedFile[], steps: Added["steps"]): BuildError[] {
  const owners = new Map(files.filter(({ kind }) => kind !== "folder").map(({ path, element }) => [path, element]));
  return steps.flatMap(({ phase, name, element }) => {
    const path = `${phase}.d/${name}`;
    const other = owners.get(path);
    owners.set(path, element);
    return other === undefined ? [] : [clash(path, other, element)];
  });
}

export const isEnvironmentFile = ({ path, kind }: PlannedFile): boolean =>
  kind === "file" && path.startsWith("environment.d/") && isEnvironmentFileName(path.slice("environment.d/".length));

/** All ten, each with its scripts and steps in dib-run-parts' order. */
export function planPhases(files: readonly PlannedFile[], steps: Added["steps"]): PlannedPhase[] {
  return phaseNames.map((phase) => {
    const own = steps
      .filter((step) => step.phase === phase)
      .map(({ name, element }): PlannedScript => ({ name, element, kind: "typescript" }));
    return { phase, scripts: [...shellScripts(phase, files), ...own].sort((a, b) => compareScripts(a.name, b.name)) };
  });
}

function shellScripts(phase: PhaseName, files: readonly PlannedFile[]): PlannedScript[] {
  const folder = `${phase}.d/`;
  return files
    .filter(
      ({ path, kind, executable }) =>
        kind === "file" && executable && path.startsWith(folder) && isScriptName(path.slice(folder.length)),
    )
    .map(({ path, element }) => ({ name: path.slice(folder.length), element, kind: "shell" }));
}
