/**
 * What the package manager's lock file says of each package: from npm's, pnpm's or yarn's, the nearest upwards. pnpm's and
 * yarn's are read as text: a YAML parser takes a second for a large one.
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { trustedFolders } from "../config/trusted-folders.js";

export interface LockedPackage {
  readonly name: string;
  readonly version: string;
  readonly integrity?: string | undefined;
  /** Where its tarball came from. pnpm and newer yarns leave it out for the registry that is configured. */
  readonly resolved?: string | undefined;
  /** A folder of this machine, or of the workspace: no tarball, and no integrity. */
  readonly isLink?: boolean | undefined;
}

export interface PackageLock {
  /** Absolute. */
  readonly file: string;
  readonly packages: readonly LockedPackage[];
}

const readers: Readonly<Record<string, (text: string) => readonly LockedPackage[]>> = {
  "pnpm-lock.yaml": readPnpm,
  "yarn.lock": readYarn,
  "package-lock.json": readNpm,
  "npm-shrinkwrap.json": readNpm,
  "node_modules/.package-lock.json": readNpm, // npm's own note of what it installed, where a project keeps no lock
};

/** Files of a project, as opposed to what is below node_modules. */
export const packageLockNames: readonly string[] = Object.keys(readers).filter((name) => !name.includes("/"));

/** Undefined when there is no lock file from the project upwards. */
export async function readPackageLock(projectDir: string): Promise<PackageLock | undefined> {
  for (const folder of trustedFolders(projectDir)) {
    for (const [name, read] of Object.entries(readers)) {
      const file = join(folder, name);
      const text = await readFile(file, "utf8").catch(() => undefined);
      if (text !== undefined) return { file, packages: read(text) };
    }
  }
  return undefined;
}

function readNpm(text: string): readonly LockedPackage[] {
  return Object.entries(npmPackages(text)).flatMap(([path, found]) => {
    const name = found.name ?? path.slice(path.lastIndexOf("node_modules/") + "node_modules/".length);
    const isInstalled = path.includes("node_modules/");
    if (!isInstalled || (found.version === undefined && found.link !== true)) return [];
    const { version = "0.0.0", integrity, resolved, link } = found;
    return [{ name, version, integrity, resolved, isLink: link === true || resolved?.startsWith("file:") === true }];
  });
}

interface NpmPackage {
  readonly name?: string;
  readonly version?: string;
  readonly integrity?: string;
  readonly resolved?: string;
  readonly link?: boolean;
}

function npmPackages(text: string): Readonly<Record<string, NpmPackage>> {
  try {
    return (JSON.parse(text) as { packages?: Record<string, NpmPackage> }).packages ?? {};
  } catch {
    return {}; // npm says what is wrong with it
  }
}

/** Entries of the section `packages`; a folder or a git checkout has another kind of resolution. */
function readPnpm(text: string): readonly LockedPackage[] {
  const entry = /^ {2}'?(@?[^\s'@]+)@([^\n']+?)'?:\n {4}resolution: \{([^\n}]*)\}/gm;
  return [...text.matchAll(entry)].map(([, name = "", at = "", resolution = ""]) => {
    const { integrity, tarball, directory, repo } = fieldsOf(resolution);
    const version = at.replace(/\(.*/, "");
    return { name, version, integrity, resolved: tarball ?? repo, isLink: directory !== undefined };
  });
}

const fieldsOf = (flow: string): Readonly<Record<string, string | undefined>> =>
  Object.fromEntries([...flow.matchAll(/(\w+): '?([^\s,']+)/g)].map(([, key = "", value]) => [key, value]));

/** Version 1, and the YAML of later ones, which have checksums of their own zip files: no integrity. */
function readYarn(text: string): readonly LockedPackage[] {
  return text.split(/\n(?=\S)/).flatMap((block) => {
    const key = /^"?((@[^/"\s]+\/)?[^"@\s]+)@/.exec(block)?.[1];
    const version = /^ {2}version:? "?([^"\s]+)"?$/m.exec(block)?.[1];
    if (key === undefined || version === undefined) return [];
    const resolution = /^ {2}resolution: "?([^"\n]+)"?$/m.exec(block)?.[1];
    if (resolution?.endsWith("@workspace:.") === true) return []; // the project itself
    const name = /^(@?[^@]+)@/.exec(resolution ?? "")?.[1] ?? key;
    const isLink = /@(workspace|link|portal|file):/.test(resolution ?? "");
    const resolved = /^ {2}resolved "?([^"#\n]+)/m.exec(block)?.[1] ?? archiveUrl(resolution);
    return [{ name, version, integrity: /^ {2}integrity (\S+)/m.exec(block)?.[1], resolved, isLink }];
  });
}

function archiveUrl(resolution: string | undefined): string | undefined {
  const url = /__archiveUrl=([^&"]+)/.exec(resolution ?? "")?.[1];
  return url === undefined ? undefined : decodeURIComponent(url);
}
