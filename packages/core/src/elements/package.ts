import { realpath } from "node:fs/promises";
import { dirname, join } from "node:path";
import satisfies from "semver/functions/satisfies.js";
import valid from "semver/functions/valid.js";
import { BuildError, isBuildError, reasonOf } from "../errors.js";
import type { ElementRef } from "./element.js";
import { coreFolder, coreVersion } from "./cores.js";
import { isManifest, parseManifest } from "./manifest.js";
import { isRange } from "./name.js";
import { maxPackageBytes, readLimited, TooLarge } from "./read-limited.js";

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
  const text = await readLimited(file, maxPackageBytes).catch(() => undefined); // not ours to read, so not ours to use
  if (text instanceof TooLarge) return unreadable(folder, file, text.reason);
  if (text?.includes('"dib"') !== true) return undefined;
  let written: Written;
  try {
    written = JSON.parse(text.replace(/^\uFEFF/, "")) as Written;
  } catch (cause) {
    return unreadable(folder, file, reasonOf(cause), cause);
  }
  if (!isManifest(written.dib)) return undefined;
  try {
    return await readManifest(written, file, await realpath(folder));
  } catch (error) {
    if (!isBuildError(error)) throw error;
    return { names: Object.keys((written.dib as { elements?: object }).elements ?? {}), folder, error };
  }
}

const unreadable = (folder: string, file: string, reason: string, cause?: unknown): UnusablePackage => ({
  names: [],
  folder,
  error: new BuildError("ELEMENT_MANIFEST_INVALID", { file, key: "", reason }, { cause }),
});

async function readManifest(written: Written, file: string, folder: string): Promise<ElementPackage> {
  const { dib, dependencies, peerDependencies, optionalDependencies } = written;
  const { name, version } = readIdentity(written, file, folder);
  const manifest = parseManifest(dib, file, name);
  await checkCore(name, folder, [manifest.core, peerDependencies?.[corePackage] ?? dependencies?.[corePackage]]);
  const needed = Object.keys({ ...dependencies, ...peerDependencies, ...optionalDependencies });
  return { name, version, folder, manifest, sees: await elementPackagesSeen(folder, needed.filter(isPackageName)) };
}

/** A package that is being developed may have neither name nor version. Throws ELEMENT_MANIFEST_INVALID. */
function readIdentity({ name, version = "0.0.0" }: Written, file: string, folder: string) {
  const wrong = (key: string, reason: string) => new BuildError("ELEMENT_MANIFEST_INVALID", { file, key, reason });
  if (name !== undefined && !isPackageName(name)) throw wrong("name", "not a package name");
  if (valid(version as string) === null) throw wrong("version", "not a semver version");
  return { name: (name as string | undefined) ?? folder, version: version as string };
}

const isPackageName = (name: unknown): boolean =>
  typeof name === "string" && /^(@[a-z0-9~][\w.~-]*\/)?[a-z0-9~][\w.~-]*$/i.test(name) && name.length <= 214;

const corePackage = "@dibjs/core";

/**
 * An element is built with the core that runs, whichever copy its package would find. Ranges that are none, such as
 * `workspace:*`, are the package manager's. Throws ELEMENT_CORE_MISMATCH.
 */
async function checkCore(name: string, folder: string, ranges: readonly unknown[]): Promise<void> {
  const range = ranges.find(
    (each): each is string =>
      typeof each === "string" && isRange(each) && !satisfies(coreVersion, each, { includePrerelease: true }),
  );
  if (range === undefined) return;
  const own = await nearestPackage(folder, corePackage);
  const other = own === undefined || join(own, "/") === coreFolder ? undefined : own;
  throw new BuildError("ELEMENT_CORE_MISMATCH", { package: name, range, core: coreVersion, folder: coreFolder, other });
}

interface Written {
  readonly name?: unknown;
  readonly version?: unknown;
  readonly dib?: unknown;
  readonly dependencies?: Readonly<Record<string, unknown>>;
  readonly peerDependencies?: Readonly<Record<string, unknown>>;
  readonly optionalDependencies?: Readonly<Record<string, unknown>>;
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
