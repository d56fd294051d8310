import { readdir, realpath, stat } from "node:fs/promises";
import { basename, dirname, join, sep } from "node:path";
import { BuildError, throwFindings } from "../errors.js";
import { compareBytes, isPackageList, isScriptName } from "../phases/order.js";
import { canonicalJson, sha256 } from "../plan/digest.js";
import type { Element, ElementFile, ElementRef, ElementRelations, HostCommand } from "./element.js";
import { digestFile, invalid, readElementFiles, type ElementTree } from "./files.js";
import { pythonOf } from "./host-python.js";
import { elementFolders } from "./manifest.js";
import { othersBelow, readPackedManifest, restoreFiles } from "./packed-manifest.js";
import { readRelations } from "./relations.js";

/** Entry module → digest of its code: a package's elements share one. */
export type CodeDigests = Map<string, Promise<string>>;

/** Reads all of an element that the plan needs; runs nothing of it. Throws ELEMENT_FILE_INVALID and ELEMENT_MANIFEST_INVALID. */
export async function loadElement(
  ref: ElementRef | ElementRelations,
  codeDigests: CodeDigests = new Map(),
): Promise<Element> {
  const relations = "dependencies" in ref ? ref : await readRelations(ref);
  const { manifest, folder: packageFolder = "" } = ref.package ?? {};
  const files = await readFiles(ref);
  throwFindings(silentPhases(ref, files));
  const entry = manifest?.entry === undefined ? undefined : join(packageFolder, manifest.entry);
  const { dependencies, provides } = relations;
  const code = entry === undefined ? undefined : await digestOnce(entry, codeDigests);
  return {
    ...relations,
    files,
    digest: sha256(
      canonicalJson({
        files: files.map(({ from: _, ...file }) => file),
        manifest,
        dependencies,
        provides,
        code,
      }),
    ),
    ...(entry === undefined ? {} : { entry }),
    ...(code === undefined ? {} : { code }),
    ...(manifest?.arch === undefined ? {} : { arch: manifest.arch }),
    hostCommands: ref.package === undefined ? await pythonOf(files, ref.folder) : commandsOf(ref),
    reads: manifest?.reads ?? [],
    network: manifest?.network ?? [],
    isCacheable: manifest?.cache ?? true,
    variables: manifest?.variables ?? {},
  };
}

const commandsOf = ({ name, package: from }: ElementRef): HostCommand[] =>
  (from?.manifest.hostCommands ?? []).flatMap(({ elements, ...command }) =>
    elements === undefined || elements.includes(name) ? [command] : [],
  );

async function readFiles(ref: ElementRef): Promise<ElementFile[]> {
  const isInstalled =
    ref.source === "package" || ref.source === "bundled" || (ref.source === "hook" && ref.package !== undefined);
  const home = ref.package?.folder ?? (await realpath(ref.folder));
  const folders = ref.package === undefined ? [] : elementFolders(ref.package.manifest);
  const at = folders.find(({ element }) => element === ref.name)?.at ?? ".";
  const tree: ElementTree = {
    element: ref.name,
    folder: ref.folder,
    home,
    hasModes: !isInstalled,
    isPackageRoot: ref.package !== undefined && at === ".",
    others: othersBelow(at, folders),
  };
  const isFolder = await stat(ref.folder).then(
    (found) => found.isDirectory(),
    () => false,
  );
  if (!isFolder)
    throw new BuildError("ELEMENT_FILE_INVALID", { element: ref.name, file: at, reason: "it is not a folder" });
  const packed = isInstalled && isUnpacked(ref.package) ? await readPackedManifest(ref.package) : undefined;
  return packed === undefined ? readElementFiles(tree) : restoreFiles(packed, at, tree);
}

/** A linked package is somebody's work tree: it has its links and modes, and a packed manifest in it may be an old one. */
const isUnpacked = (from: ElementRef["package"]): from is NonNullable<typeof from> =>
  from !== undefined && from.folder.split(sep).includes("node_modules");

/**
 * Phase folders with scripts, and not one that would run: modes or names that got lost, which DIB takes for an empty phase.
 * A file that is a script by its name alone, as an element of DIB has one, is missed only when nothing of the element would
 * run; and in a plain folder a phase is. What is not missed gets a note.
 */
function silentPhases({ name, source }: ElementRef, files: readonly ElementFile[]): BuildError[] {
  const inPhases = files.flatMap((file) =>
    file.opening === undefined ? [] : [{ ...file, folder: dirname(file.path), name: basename(file.path) }],
  );
  const running = new Set(
    inPhases.filter((file) => file.executable && isScriptName(file.name)).map(({ folder }) => folder),
  );
  const isInstalled = source === "package" || source === "bundled";
  if (!isInstalled && running.size > 0) return [];
  const missed = inPhases.filter(
    (file) =>
      file.executable ||
      file.opening === "script" ||
      (running.size === 0 && isScriptName(file.name) && !isPackageList(file.name)),
  );
  const silent = new Set(missed.map(({ folder }) => folder).filter((folder) => !running.has(folder)));
  return [...silent].map((folder) => {
    const names = missed.filter((file) => file.folder === folder).map((file) => file.name);
    const rule = isInstalled ? "begins with #!" : "is executable";
    return invalid(
      { element: name },
      folder,
      `nothing in it would run: no file has a name of letters, digits, _ and - only, and ${rule} (it has ${names.join(", ")})`,
      isInstalled ? "Begin what is to run with #!, such as #!/bin/bash." : "Make what is to run executable: chmod +x.",
    );
  });
}

function digestOnce(entry: string, known: CodeDigests): Promise<string> {
  const digest = known.get(entry) ?? digestCode(entry);
  known.set(entry, digest);
  return digest;
}

/** sha256 over the modules beside an element's entry and below. */
async function digestCode(entry: string): Promise<string> {
  const folder = dirname(entry);
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  const paths = entries
    .filter((found) => found.isFile())
    .map((found) => join(found.parentPath, found.name).slice(folder.length + 1))
    .filter(
      (path) => /\.([cm]?[jt]s|json)$/.test(path) && !/(^|\/)(node_modules|\.[^/]*)(\/|$)|\.d\.[cm]?ts$/.test(path),
    )
    .sort(compareBytes);
  const digests = await Promise.all(
    paths.map(async (path) => [path, (await digestFile(join(folder, path), 0)).digest]),
  );
  return sha256(JSON.stringify(digests));
}
