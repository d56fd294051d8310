/**
 * The integrity that the package manager recorded for an installed package, from the nearest lock file of npm, pnpm or
 * yarn, read as text: a whole YAML parser takes a second for a large one. Yarn 2 and later record sums of their own zip files,
 * which are no integrity.
 */
import { readFile } from "node:fs/promises";
import { dirname, join } from "node:path";

/** `name@version` → integrity. */
export type Integrities = ReadonlyMap<string, string>;

const lockFiles: Readonly<Record<string, (text: string) => Iterable<[string, string]>>> = {
  "pnpm-lock.yaml": readPnpm,
  "yarn.lock": readYarn,
  "package-lock.json": readNpm,
  "npm-shrinkwrap.json": readNpm,
  "node_modules/.package-lock.json": readNpm,
};

/** Empty when there is no lock file, or none that can be read: an element's digest tells its content in any case. */
export async function readIntegrities(projectDir: string): Promise<Integrities> {
  for (let at = projectDir; ; at = dirname(at)) {
    for (const [name, read] of Object.entries(lockFiles)) {
      const text = await readFile(join(at, name), "utf8").catch(() => undefined);
      if (text !== undefined) return new Map(read(text));
    }
    if (at === dirname(at)) return new Map();
  }
}

function* readPnpm(text: string): Iterable<[string, string]> {
  const entry = /^ {2}['"]?\/?(@?[^\s'"@(]+@[^\s'"(:]+)[^\n]*:\n {4}resolution: \{[^\n}]*?integrity: ([^\s,}]+)/gm;
  for (const [, key = "", integrity = ""] of text.matchAll(entry)) yield [key, integrity];
}

function* readYarn(text: string): Iterable<[string, string]> {
  for (const block of text.split(/\n(?=\S)/)) {
    const name = /^"?(@?[^"@\s]+)@/.exec(block)?.[1];
    const version = /^ {2}version "([^"]+)"/m.exec(block)?.[1];
    const integrity = /^ {2}integrity (\S+)/m.exec(block)?.[1];
    if (name !== undefined && version !== undefined && integrity !== undefined) yield [`${name}@${version}`, integrity];
  }
}

interface NpmPackage {
  readonly name?: string;
  readonly version?: string;
  readonly integrity?: string;
}

function* readNpm(text: string): Iterable<[string, string]> {
  for (const [path, found] of Object.entries(npmPackages(text))) {
    const name = found.name ?? path.slice(path.lastIndexOf("node_modules/") + "node_modules/".length);
    if (found.version !== undefined && found.integrity !== undefined)
      yield [`${name}@${found.version}`, found.integrity];
  }
}

function npmPackages(text: string): Readonly<Record<string, NpmPackage>> {
  try {
    return (JSON.parse(text) as { packages?: Record<string, NpmPackage> }).packages ?? {};
  } catch {
    return {}; // npm says what is wrong with it
  }
}
