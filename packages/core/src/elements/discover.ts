import { readdir, readFile, realpath, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { BuildError, throwFindings } from "../errors.js";
import type { ElementCatalog, ElementManifest, ElementRef, ElementSource } from "./element.js";
import { parseManifest } from "./manifest.js";

export interface DiscoverRequest {
  /** ELEMENTS_PATH first, then the config's; absolute. */
  readonly elementPaths: readonly { readonly path: string; readonly origin: string }[];
  readonly projectDir: string;
  /** Absolute folders of packages that come with the caller. */
  readonly bundled: readonly string[];
}

/** Finds every element by name; the first of a name wins. Reads manifests and runs nothing. Throws ELEMENT_PATH_INVALID. */
export async function discoverElements({ elementPaths, projectDir, bundled }: DiscoverRequest): Promise<ElementCatalog> {
  const refs = new Map<string, ElementRef>();
  const shadowed: ElementRef[] = [];
  const searched: string[] = [];
  const put = (ref: ElementRef) => void (refs.has(ref.name) ? shadowed.push(ref) : refs.set(ref.name, ref));
  const findings: BuildError[] = [];
  for (const { path, origin } of elementPaths) {
    searched.push(path);
    const names = await foldersIn(path);
    if (names === undefined) findings.push(new BuildError("ELEMENT_PATH_INVALID", { path, origin }));
    const source: ElementSource = origin.includes("ELEMENTS_PATH") ? "elements-path" : "config";
    for (const name of names ?? []) put({ name, folder: join(path, name), source, version: "0.0.0-local" });
  }
  throwFindings(findings);
  for (const folder of await installedPackages(projectDir)) for (const ref of await packageElements(folder, "package")) put(ref);
  for (const folder of bundled) for (const ref of await packageElements(folder, "bundled")) put(ref);
  return {
    refs,
    shadowed,
    searched: [...searched, `${projectDir}/node_modules`],
    add: ({ version = "0.0.0-local", ...ref }) => put({ ...ref, version, source: "hook" }),
  };
}

async function foldersIn(path: string): Promise<string[] | undefined> {
  const entries = await readdir(path).catch(() => undefined);
  if (entries === undefined) return undefined;
  const kinds = await Promise.all(entries.map(async (name) => ((await stat(join(path, name)).catch(() => undefined))?.isDirectory() ? name : undefined)));
  return kinds.filter((name) => name !== undefined).sort();
}

/** Package folders in every node_modules from the project upwards, sorted by name within each. */
async function installedPackages(projectDir: string): Promise<string[]> {
  const found: string[] = [];
  for (let at = projectDir; ; at = dirname(at)) {
    const modules = join(at, "node_modules");
    for (const name of (await readdir(modules).catch(() => [])).sort()) {
      if (name.startsWith(".")) continue;
      if (!name.startsWith("@")) found.push(join(modules, name));
      else for (const inner of (await readdir(join(modules, name)).catch(() => [])).sort()) found.push(join(modules, name, inner));
    }
    if (dirname(at) === at) return found;
  }
}

async function packageElements(folder: string, source: ElementSource): Promise<ElementRef[]> {
  const file = join(folder, "package.json");
  const text = await readFile(file, "utf8").catch(() => "");
  if (!text.includes('"dib"')) return [];
  const { name, version, dib } = JSON.parse(text) as { name: string; version: string; dib?: unknown };
  if (dib === undefined) return [];
  const manifest: ElementManifest = parseManifest(dib, file);
  const real = await realpath(folder);
  return Object.entries(manifest.elements).map(([element, path]) => ({
    name: element,
    folder: join(real, path),
    source,
    version,
    package: { name, folder: real, manifest },
  }));
}
