/**
 * Finds the config file and reads it so that every value can be traced to its line. TypeScript and JavaScript have no
 * places, only the file. cosmiconfig and jiti are loaded when a file needs them: a build without one should start at once.
 */
import { access, readFile, readdir } from "node:fs/promises";
import { basename, dirname, join, relative } from "node:path";
import { pathToFileURL } from "node:url";
import { BuildError, isBuildError, reasonOf, type Place } from "../errors.js";
import { parseYaml, unreadable, type PlaceOf } from "./parse-yaml.js";
import { trustedFolders } from "./trusted-folders.js";

export interface ConfigFile {
  /** Absolute. */
  readonly path: string;
  readonly value: unknown;
  readonly placeOf: PlaceOf;
  readonly notes: readonly string[];
}

interface Parsed {
  readonly value: unknown;
  readonly placeOf?: PlaceOf;
}

/** In the order they are taken; two of them in one folder give a note. */
export const configFileNames: readonly string[] = [
  ...["ts", "js", "mjs", "cjs", "yaml", "yml", "json"].map((ending) => `dib.config.${ending}`),
  "package.json",
];

/**
 * Looks in `folders` (`cwd` and those above), to the folder of the project's package.json; or reads `file` (absolute).
 * Throws CONFIG_NOT_FOUND and CONFIG_UNREADABLE.
 */
export async function readConfigFile(
  cwd: string,
  file?: string,
  folders?: readonly string[],
): Promise<ConfigFile | undefined> {
  const parsed = new Map<string, Parsed>();
  const found = await search(cwd, file ?? folders ?? trustedFolders(cwd), parsed);
  if (
    found === undefined ||
    found === null ||
    found.isEmpty === true ||
    found.config === undefined ||
    found.config === null
  ) {
    if (file === undefined) return undefined;
    throw new BuildError("CONFIG_UNREADABLE", { place: { file: shown(file, cwd) }, reason: "it holds no dib config" });
  }
  const path = found.filepath;
  const placeOf = parsed.get(path)?.placeOf ?? (() => ({ file: path }));
  return {
    path,
    value: found.config as unknown,
    placeOf: (keys, part) => ({ ...placeOf(keys, part), file: shown(path, cwd) }),
    notes: file === undefined ? await otherConfigFiles(path) : [],
  };
}

/** As a person in `cwd` would name it. */
const shown = (path: string, cwd: string): string => {
  const short = relative(cwd, path);
  return short.startsWith("..") ? path : short || ".";
};

async function search(cwd: string, where: string | readonly string[], parsed: Map<string, Parsed>) {
  const load = (parse: (path: string, text: string) => Promise<Parsed>) => async (path: string, text: string) => {
    const result = await parse(path, text);
    parsed.set(path, result);
    return result.value;
  };
  const loaders = {
    ".ts": load(importTypeScript),
    ".js": load(importModule),
    ".mjs": load(importModule),
    ".cjs": load(importModule),
    ".yaml": load(parseYaml),
    ".yml": load(parseYaml),
    ".json": load((path, text) =>
      basename(path) === "package.json" ? parsePackageJson(path, text) : parseYaml(path, text),
    ),
  };
  const file = typeof where === "string" ? where : undefined;
  if (where.length === 0) return undefined;
  try {
    await checkPackageJson(cwd);
    const { cosmiconfig } = await import("cosmiconfig");
    const explorer = cosmiconfig("dib", {
      searchPlaces: [...configFileNames],
      packageProp: "dib",
      searchStrategy: "none",
      loaders,
      cache: false,
    });
    if (typeof where === "string") return await explorer.load(where);
    for (const folder of where) {
      const found = await explorer.search(folder);
      if (found !== null || (await isProject(folder))) return found;
    }
    return undefined;
  } catch (error) {
    throw readable(error, file, cwd);
  }
}

export const isProject = (folder: string): Promise<boolean> =>
  access(join(folder, "package.json")).then(
    () => true,
    () => false,
  );

/** cosmiconfig reads this one at once, for settings of its own, and would throw what names no place. */
async function checkPackageJson(cwd: string): Promise<void> {
  const path = join(cwd, "package.json");
  const text = await readFile(path, "utf8").catch(() => undefined);
  if (text !== undefined) await parseJson(path, text);
}

function readable(error: unknown, file: string | undefined, cwd: string): BuildError {
  const { code, filepath = file ?? cwd } = error as { code?: string; filepath?: string };
  const name = shown(filepath, cwd);
  if (isBuildError(error)) {
    const { place, reason } = error.context as { place: Place; reason: string };
    const at = { ...place, file: shown(place.file, cwd) };
    return new BuildError("CONFIG_UNREADABLE", { place: at, reason }, { cause: error.cause });
  }
  if (code === "ENOENT" && file !== undefined)
    return new BuildError("CONFIG_NOT_FOUND", { file: shown(file, cwd) }, { cause: error });
  return new BuildError("CONFIG_UNREADABLE", { place: { file: name }, reason: reasonOf(error) }, { cause: error });
}

async function importTypeScript(path: string): Promise<Parsed> {
  const { createJiti } = await import("jiti");
  // Without its cache, which would be code in a folder that others may write to.
  const jiti = createJiti(path, { fsCache: false, moduleCache: false });
  return imported(path, () => jiti.import(path, { default: true }));
}

const importModule = (path: string): Promise<Parsed> =>
  imported(path, async () => ((await import(pathToFileURL(path).href)) as { default?: unknown }).default);

async function imported(path: string, load: () => Promise<unknown>): Promise<Parsed> {
  const value = await load().catch((error: unknown) => {
    throw unreadable(reasonOf(error).trim(), placeInStack(error, path), error);
  });
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return { value };
  throw unreadable("its default export must be an object", { file: path });
}

/** Syntax errors name the file with a line at the top of their stack, or in the message. */
function placeInStack(error: unknown, path: string): Place {
  const text = error instanceof Error ? `${error.stack ?? ""}\n${error.message}` : "";
  const at = text.indexOf(path);
  const [, line, column] = (at === -1 ? undefined : /^:(\d+)(?::(\d+))?/.exec(text.slice(at + path.length))) ?? [];
  return {
    file: path,
    line: line === undefined ? undefined : Number(line),
    column: column === undefined ? undefined : Number(column),
  };
}

/** An element package's own manifest is under the same key, and is no config. */
async function parsePackageJson(path: string, text: string): Promise<Parsed> {
  const dib = await parseJson(path, text);
  if (!isConfig(dib)) return { value: {} };
  const { value, placeOf } = await parseYaml(path, text);
  return { value, placeOf: (keys, part) => placeOf(["dib", ...keys], part) };
}

/** `dib` of a package.json. Most have none, and are not worth loading `yaml` for. */
async function parseJson(path: string, text: string): Promise<unknown> {
  try {
    const value: unknown = JSON.parse(text.replace(/^\uFEFF/, ""));
    return typeof value === "object" && value !== null ? (value as { dib?: unknown }).dib : undefined;
  } catch (error) {
    await parseYaml(path, text); // says where
    throw unreadable(reasonOf(error), { file: path }, error);
  }
}

const isConfig = (dib: unknown): boolean => {
  if (dib === undefined) return false;
  if (typeof dib !== "object" || dib === null) return true; // wrong, and said so by the schema
  const { apiVersion, elements } = dib as { apiVersion?: unknown; elements?: unknown };
  const isMap = typeof elements === "object" && elements !== null && !Array.isArray(elements);
  return apiVersion === undefined && !isMap;
};

/** Which of several config files in a folder counts is easy to get wrong without noticing. */
async function otherConfigFiles(path: string): Promise<string[]> {
  const folder = dirname(path);
  const there = new Set(await readdir(folder));
  const others: string[] = [];
  for (const name of configFileNames) {
    if (!there.has(name) || name === basename(path)) continue;
    if (name === "package.json" && !isConfig(await dibOf(join(folder, name)))) continue;
    others.push(name);
  }
  return others.length === 0
    ? []
    : [`${basename(path)} is used; ${others.join(", ")} beside it ${others.length === 1 ? "is" : "are"} not.`];
}

const dibOf = async (path: string): Promise<unknown> => {
  try {
    return await parseJson(path, await readFile(path, "utf8"));
  } catch (error) {
    if (isBuildError(error)) return undefined; // a broken package.json is not this file's concern
    throw error;
  }
};
