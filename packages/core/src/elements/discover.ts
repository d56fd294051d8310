/**
 * Where elements are looked for, first of a name wins: folders of elements (DIB's, or with a package.json each), the
 * packages that the project has installed, packages that come with the caller. Installed packages are found by their
 * manifest: in every node_modules from the project upwards, and then as what an element package itself gets for the
 * names it depends on, since pnpm and nested installs keep peers out of the project's own node_modules.
 */
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { folderTrust, trustedFolders } from "../config/trusted-folders.js";
import { BuildError, throwFindings } from "../errors.js";
import { compareBytes } from "../phases/order.js";
import type { ElementCatalog, ElementRef, ElementSource } from "./element.js";
import { InstalledPackages } from "./installed.js";
import { isElementName } from "./name.js";
import { isUsable, readPackage, type ElementPackage, type UnusablePackage } from "./package.js";

export const localVersion = "0.0.0-local";

export interface DiscoverRequest {
  /** Entries of ELEMENTS_PATH first, then the config's; absolute. */
  readonly elementPaths: readonly { readonly path: string; readonly origin: string }[];
  readonly projectDir: string;
  /** Absolute folders of packages that come with the caller. */
  readonly bundled: readonly string[];
  /** Whom root trusts with packages beside itself and the project's owner: the user behind sudo. */
  readonly caller?: { readonly uid: number };
}

/** Finds every element by name. Reads manifests and runs nothing. Throws ELEMENT_PATH_INVALID and PLUG_N_PLAY_UNSUPPORTED. */
export async function discoverElements({
  elementPaths,
  projectDir,
  bundled,
  caller,
}: DiscoverRequest): Promise<ElementCatalog> {
  const places = [...elementPaths.map(({ path }) => path), join(projectDir, "node_modules")];
  const catalog = new Catalog([...places, ...(bundled.length > 0 ? ["the packages that come with dib"] : [])]);
  const installed = new InstalledPackages(folderTrust(projectDir, caller?.uid));
  const folders = await Promise.all(elementPaths.map(({ path }) => readElementFolder(path, installed)));
  throwFindings(
    elementPaths
      .filter((_, index) => folders[index] === undefined)
      .map((entry) => new BuildError("ELEMENT_PATH_INVALID", entry)),
  );
  for (const [index, { origin }] of elementPaths.entries()) {
    for (const found of folders[index] ?? [])
      catalog.put(found, /^(\$ELEMENTS_PATH|--elements-path)$/.test(origin) ? "elements-path" : "config");
  }
  for (const found of await projectPackages(projectDir, installed, caller?.uid)) catalog.put(found, "package");
  for (const found of await readPackages(bundled, installed)) catalog.put(found, "bundled");
  return catalog;
}

/** A folder of an element without a package. */
type PlainFolder = Pick<ElementRef, "name" | "folder">;
type Found = PlainFolder | ElementPackage | UnusablePackage;

class Catalog implements ElementCatalog {
  readonly refs = new Map<string, ElementRef>();
  readonly shadowed: ElementRef[] = [];
  readonly unusable: UnusablePackage[] = [];
  readonly searched: readonly string[];
  /** Names of unusable packages come before later finds of the same name: another copy must not step in unnoticed. */
  readonly #broken = new Set<string>();

  constructor(searched: readonly string[]) {
    this.searched = searched;
  }

  put(found: Found, source: ElementSource): void {
    if ("error" in found) {
      this.unusable.push(found);
      for (const name of found.names) if (!this.refs.has(name)) this.#broken.add(name);
    } else if (!("manifest" in found)) {
      this.#add({ ...found, source, version: localVersion });
    } else {
      const { version, ...from } = found;
      for (const [name, path] of Object.entries(from.manifest.elements))
        this.#add({ name, folder: join(from.folder, path), source, version, package: from });
    }
  }

  add({ version = localVersion, ...ref }: Parameters<ElementCatalog["add"]>[0]): void {
    if (!isElementName(ref.name))
      throw new BuildError("ELEMENT_NAME_INVALID", { name: ref.name, origin: "hook discover" });
    this.#add({ ...ref, version, source: "hook" });
  }

  #add(ref: ElementRef): void {
    if (this.refs.has(ref.name) || this.#broken.has(ref.name)) this.shadowed.push(ref);
    else this.refs.set(ref.name, ref);
  }
}

/** Every sub-directory, links followed, is an element under its own name; one with a manifest is what that says. */
async function readElementFolder(path: string, installed: InstalledPackages): Promise<Found[] | undefined> {
  const entries = await readdir(path).catch(() => undefined);
  const names = entries?.filter(isElementName).sort(compareBytes);
  if (names === undefined) return undefined;
  const found = await Promise.all(
    names.map(async (name): Promise<Found | undefined> => {
      const folder = join(path, name);
      const isFolder = await stat(folder).then(
        (it) => it.isDirectory(),
        () => false,
      );
      return isFolder ? ((await readPackage(folder, installed)) ?? { name, folder }) : undefined;
    }),
  );
  return found.filter((each) => each !== undefined);
}

async function projectPackages(
  projectDir: string,
  installed: InstalledPackages,
  callerUid: number | undefined,
): Promise<(ElementPackage | UnusablePackage)[]> {
  const levels: string[] = [];
  const folders = trustedFolders(projectDir, callerUid);
  for (const at of folders) {
    const packages = await packageFolders(join(at, "node_modules"));
    if (levels.length === 0 && packages === undefined) await refusePlugAndPlay(at);
    levels.push(...(packages ?? []));
  }
  // An element package under development is the first of the packages in its own project.
  const found = await readPackages([...folders.slice(0, 1), ...levels], installed);
  return withPeers(found, installed);
}

/** Adds the element packages that the found ones get for themselves, and so on. */
async function withPeers(
  found: readonly (ElementPackage | UnusablePackage)[],
  installed: InstalledPackages,
): Promise<(ElementPackage | UnusablePackage)[]> {
  const all = new Map(found.map((each) => [each.folder, each]));
  for (let added = [...all.values()]; added.length > 0;) {
    const seen = new Set(added.filter(isUsable).flatMap(({ sees }) => Object.values(sees)));
    added = await readPackages([...seen].filter((folder) => !all.has(folder)).sort(compareBytes), installed);
    for (const each of added) all.set(each.folder, each);
  }
  return [...all.values()];
}

async function readPackages(
  folders: readonly string[],
  installed: InstalledPackages,
): Promise<(ElementPackage | UnusablePackage)[]> {
  const found = await Promise.all(folders.map((folder) => readPackage(folder, installed)));
  return found.filter((each) => each !== undefined);
}

/** Sorted; undefined when there is no such folder. */
async function packageFolders(modules: string): Promise<string[] | undefined> {
  const names = await readdir(modules).catch(() => undefined);
  if (names === undefined) return undefined;
  const folders = await Promise.all(
    names.sort(compareBytes).map(async (name) => {
      if (name.startsWith(".")) return [];
      if (!name.startsWith("@")) return [join(modules, name)];
      const scoped = await readdir(join(modules, name)).catch(() => []);
      return scoped.sort(compareBytes).map((inner) => join(modules, name, inner));
    }),
  );
  return folders.flat();
}

async function refusePlugAndPlay(folder: string): Promise<void> {
  const file = join(folder, ".pnp.cjs");
  const isThere = await stat(file).then(
    () => true,
    () => false,
  );
  if (isThere) throw new BuildError("PLUG_N_PLAY_UNSUPPORTED", { file });
}
