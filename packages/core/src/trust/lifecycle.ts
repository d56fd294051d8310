/** Packages that would run something when they are installed. dib installs with scripts off; `dib approve` runs one by one. */
import { access, readdir, readFile, realpath } from "node:fs/promises";
import { join } from "node:path";
import { compareBytes } from "../phases/order.js";

export interface ScriptedPackage {
  readonly name: string;
  readonly version: string;
  /** Absolute, links resolved. */
  readonly folder: string;
  /** Event → command, in the order the package manager runs them. */
  readonly scripts: Readonly<Record<string, string>>;
}

/** What runs when a package is installed from a registry. `prepare` and the like run for folders and git only. */
const events = ["preinstall", "install", "postinstall"] as const;

/** Every package below the project's node_modules that has lifecycle scripts, sorted by name. */
export async function findScriptedPackages(projectDir: string): Promise<readonly ScriptedPackage[]> {
  const found = new Map<string, ScriptedPackage>();
  const seen = new Set<string>();
  let level = [join(projectDir, "node_modules")];
  while (level.length > 0) {
    const folders = (await Promise.all(level.map(packageFolders))).flat();
    const fresh = [...new Set(folders)].filter((folder) => !seen.has(folder));
    for (const folder of fresh) seen.add(folder);
    for (const each of await Promise.all(fresh.map(readScripts))) if (each !== undefined) found.set(each.folder, each);
    level = fresh.map((folder) => join(folder, "node_modules"));
  }
  return [...found.values()].sort((a, b) => compareBytes(a.name, b.name) || compareBytes(a.version, b.version));
}

/** Real folders of the packages in a node_modules; with those of pnpm's store below it, which hold all that is installed. */
async function packageFolders(modules: string): Promise<readonly string[]> {
  const names = await readdir(modules).catch(() => []);
  const folders = await Promise.all(
    names.map(async (name) => {
      if (name === ".pnpm") return storeFolders(join(modules, name));
      if (name.startsWith(".")) return [];
      if (!name.startsWith("@")) return [join(modules, name)];
      return (await readdir(join(modules, name)).catch(() => [])).map((inner) => join(modules, name, inner));
    }),
  );
  return Promise.all(folders.flat().map((folder) => realpath(folder).catch(() => folder)));
}

async function storeFolders(store: string): Promise<readonly string[]> {
  const names = await readdir(store).catch(() => []);
  const inside = await Promise.all(names.map((name) => packageFolders(join(store, name, "node_modules"))));
  return inside.flat();
}

async function readScripts(folder: string): Promise<ScriptedPackage | undefined> {
  const text = await readFile(join(folder, "package.json"), "utf8").catch(() => "{}");
  const { name, version, scripts } = parse(text);
  if (name === undefined) return undefined;
  const written = events.flatMap((event) => {
    const command = scripts?.[event];
    return typeof command === "string" && command !== "" ? [[event, command] as const] : [];
  });
  const run =
    written.length === 0 && (await hasBindings(folder)) ? [["install", "node-gyp rebuild"] as const] : written;
  return run.length === 0 ? undefined : { name, version: version ?? "0.0.0", folder, scripts: Object.fromEntries(run) };
}

interface Written {
  readonly name?: string;
  readonly version?: string;
  readonly scripts?: Readonly<Record<string, unknown>>;
}

function parse(text: string): Written {
  try {
    return JSON.parse(text) as Written;
  } catch {
    return {}; // what can't be read has no scripts that a package manager could run
  }
}

/** A binding.gyp without scripts is compiled. */
const hasBindings = (folder: string): Promise<boolean> =>
  access(join(folder, "binding.gyp")).then(
    () => true,
    () => false,
  );
