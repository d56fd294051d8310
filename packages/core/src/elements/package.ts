import { readFile, realpath } from "node:fs/promises";
import { dirname, join } from "node:path";
import { BuildError, isBuildError, reasonOf } from "../errors.js";
import type { ElementRef } from "./element.js";
import { isManifest, parseManifest } from "./manifest.js";

export type ElementPackage = NonNullable<ElementRef["package"]> & { readonly version: string };

/** A package that says it has elements, and can't be used. */
export interface UnusablePackage {
  /** Element names, as far as its manifest can be read. */
  readonly names: readonly string[];
  readonly folder: string;
  readonly error: BuildError;
}

export const isUsable = (found: ElementPackage | UnusablePackage): found is ElementPackage => !("error" in found);

/** Reads the element package in a folder; undefined when there is none. Runs nothing of it. */
export async function readPackage(folder: string): Promise<ElementPackage | UnusablePackage | undefined> {
  const file = join(folder, "package.json");
  const text = await readFile(file, "utf8").catch(() => "");
  if (!text.includes('"dib"')) return undefined;
  let written: Written;
  try {
    written = JSON.parse(text.replace(/^\uFEFF/, "")) as Written;
  } catch (cause) {
    const error = new BuildError("ELEMENT_MANIFEST_INVALID", { file, key: "", reason: reasonOf(cause) }, { cause });
    return { names: [], folder, error };
  }
  const { name = folder, version = "0.0.0", dib, dependencies, peerDependencies, optionalDependencies } = written;
  if (!isManifest(dib)) return undefined;
  const real = await realpath(folder);
  try {
    const manifest = parseManifest(dib, file, name);
    const sees = await elementPackagesSeen(
      real,
      Object.keys({ ...dependencies, ...peerDependencies, ...optionalDependencies }),
    );
    return { name, version, folder: real, manifest, sees };
  } catch (error) {
    if (!isBuildError(error)) throw error;
    return { names: Object.keys((dib as { elements?: object }).elements ?? {}), folder, error };
  }
}

interface Written {
  readonly name?: string;
  readonly version?: string;
  readonly dib?: unknown;
  readonly dependencies?: object;
  readonly peerDependencies?: object;
  readonly optionalDependencies?: object;
}

/** Package name → real folder of the copy that a package in `from` gets, by Node's rule: the nearest node_modules upwards. */
async function elementPackagesSeen(from: string, names: readonly string[]): Promise<Readonly<Record<string, string>>> {
  const found = await Promise.all(names.map(async (name) => [name, await nearestPackage(from, name)] as const));
  return Object.fromEntries(found.filter((entry): entry is [string, string] => entry[1] !== undefined));
}

async function nearestPackage(from: string, name: string): Promise<string | undefined> {
  for (let at = from; ; at = dirname(at)) {
    const found = await realpath(join(at, "node_modules", name)).catch(() => undefined);
    if (found !== undefined) return found;
    if (dirname(at) === at) return undefined;
  }
}
