import { realpathSync } from "node:fs";
import { join } from "node:path";
import satisfies from "semver/functions/satisfies.js";
import valid from "semver/functions/valid.js";
import { BuildError, isBuildError, reasonOf } from "../errors.js";
import type { ElementRef } from "./element.js";
import { coreFolder, coreVersion } from "./cores.js";
import { InstalledPackages } from "./installed.js";
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
export async function readPackage(
  folder: string,
  installed = new InstalledPackages(),
): Promise<ElementPackage | UnusablePackage | undefined> {
  const file = join(folder, "package.json");
  const text = readIfAllowed(file);
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
    return readManifest(written, file, realpathSync.native(folder), installed);
  } catch (error) {
    if (!isBuildError(error)) throw error;
    return { names: Object.keys((written.dib as { elements?: object }).elements ?? {}), folder, error };
  }
}

/** What is not ours to read is not ours to use. */
function readIfAllowed(file: string): string | TooLarge | undefined {
  try {
    return readLimited(file, maxPackageBytes);
  } catch {
    return undefined;
  }
}

const unreadable = (folder: string, file: string, reason: string, cause?: unknown): UnusablePackage => ({
  names: [],
  folder,
  error: new BuildError("ELEMENT_MANIFEST_INVALID", { file, key: "", reason }, { cause }),
});

function readManifest(written: Written, file: string, folder: string, installed: InstalledPackages): ElementPackage {
  const { dib, dependencies, peerDependencies, optionalDependencies } = written;
  const { name, version } = readIdentity(written, file, folder);
  const manifest = parseManifest(dib, file, name);
  const range = unmet([manifest.core, peerDependencies?.[corePackage] ?? dependencies?.[corePackage]]);
  if (range !== undefined) throw coreMismatch(name, range, installed.nearest(folder, corePackage));
  const needed = Object.keys({ ...dependencies, ...peerDependencies, ...optionalDependencies });
  return { name, version, folder, manifest, sees: installed.seenFrom(folder, needed.filter(isPackageName)) };
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

/** The first range that this core does not satisfy. What is none, such as `workspace:*`, is the package manager's. */
const unmet = (ranges: readonly unknown[]): string | undefined =>
  ranges.find(
    (range): range is string =>
      typeof range === "string" && isRange(range) && !satisfies(coreVersion, range, { includePrerelease: true }),
  );

/** An element is built with the core that runs, whichever copy its package finds. */
function coreMismatch(name: string, range: string, found: string | undefined): BuildError {
  const other = found === undefined || join(found, "/") === coreFolder ? undefined : found;
  return new BuildError("ELEMENT_CORE_MISMATCH", {
    package: name,
    range,
    core: coreVersion,
    folder: coreFolder,
    ...(other === undefined ? {} : { other }),
  });
}

interface Written {
  readonly name?: unknown;
  readonly version?: unknown;
  readonly dib?: unknown;
  readonly dependencies?: Readonly<Record<string, unknown>>;
  readonly peerDependencies?: Readonly<Record<string, unknown>>;
  readonly optionalDependencies?: Readonly<Record<string, unknown>>;
}
