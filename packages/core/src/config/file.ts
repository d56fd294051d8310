/**
 * Finds the config file and reads it so that every value can be traced to its line: YAML and JSON are parsed by `yaml`,
 * whose document is kept beside the plain value. TypeScript and JavaScript have no places, only the file.
 * cosmiconfig, yaml and jiti are loaded when a file needs them: a build without a config file should start at once.
 */
import { readFile, readdir } from "node:fs/promises";
import { basename, dirname, join, relative } from "node:path";
import { pathToFileURL } from "node:url";
import type * as Yaml from "yaml";
import type { Document, LineCounter, Node, Pair } from "yaml";
import { BuildError, isBuildError, reasonOf, type Place } from "../errors.js";

export type KeyPath = readonly PropertyKey[];

export interface ConfigFile {
  /** Absolute. */
  readonly path: string;
  readonly value: unknown;
  /** The place of the value at a path, or of its key; of the nearest thing around it that has one. */
  readonly placeOf: (path: KeyPath, part?: "key" | "value") => Place;
  readonly notes: readonly string[];
}

interface Parsed {
  readonly value: unknown;
  readonly placeOf?: ConfigFile["placeOf"];
}

/** In the order they are taken; two of them in one folder give a note. */
export const configFileNames: readonly string[] = [
  ...["ts", "js", "mjs", "cjs", "yaml", "yml", "json"].map((ending) => `dib.config.${ending}`),
  "package.json",
];

const maxBytes = 2 ** 20;

/**
 * Looks in `cwd` and upwards, to the folder of the project's package.json; or reads `file` (absolute).
 * Throws CONFIG_NOT_FOUND and CONFIG_UNREADABLE.
 */
export async function readConfigFile(cwd: string, file?: string): Promise<ConfigFile | undefined> {
  const parsed = new Map<string, Parsed>();
  const found = await search(cwd, file, parsed);
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
  return short.startsWith("..") ? path : short;
};

async function search(cwd: string, file: string | undefined, parsed: Map<string, Parsed>) {
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
  try {
    await checkPackageJson(cwd);
    const { cosmiconfig } = await import("cosmiconfig");
    const explorer = cosmiconfig("dib", {
      searchPlaces: [...configFileNames],
      packageProp: "dib",
      searchStrategy: "project",
      loaders,
      cache: false,
    });
    return await (file === undefined ? explorer.search(cwd) : explorer.load(file));
  } catch (error) {
    throw readable(error, file, cwd);
  }
}

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

async function parseYaml(path: string, text: string): Promise<Parsed & { placeOf: ConfigFile["placeOf"] }> {
  if (text.length > maxBytes) throw unreadable("it is larger than 1 MiB", { file: path });
  if (text.includes("\0")) throw unreadable("it is no UTF-8 text", { file: path });
  const yaml = await import("yaml");
  const lines = new yaml.LineCounter();
  try {
    const document = yaml.parseDocument(text, {
      lineCounter: lines,
      prettyErrors: false,
      stringKeys: true,
      merge: true,
    });
    const [problem] = [...document.errors, ...document.warnings];
    if (problem !== undefined) throw unreadable(problem.message, placeAt(problem.pos[0], lines, path));
    keepNumbersAsWritten(document, yaml);
    return { value: document.toJS(), placeOf: placesIn(document, lines, path, yaml) };
  } catch (error) {
    if (isBuildError(error)) throw error;
    // Beyond its limits (aliases of aliases, nesting), `yaml` throws without a place.
    throw unreadable(reasonOf(error), placeAt(Math.max(text.search(/[&*]\w/), 0), lines, path), error);
  }
}

const unreadable = (reason: string, place: Place, cause?: unknown) =>
  new BuildError("CONFIG_UNREADABLE", { place, reason }, { cause });

const placeAt = (offset: number, lines: LineCounter, file: string): Place => {
  const { line, col } = lines.linePos(offset);
  return line === 0 ? { file } : { file, line, column: col };
};

/** A release like 22.10 or a mode like 0755, written without quotes, is text to a script and must stay as it is. */
function keepNumbersAsWritten(document: Document, yaml: typeof Yaml): void {
  yaml.visit(document, {
    Pair(_, pair) {
      if (!yaml.isScalar(pair.key) || pair.key.value !== "environment" || !yaml.isMap(pair.value)) return;
      for (const { value } of pair.value.items) {
        if (yaml.isScalar(value) && typeof value.value === "number" && value.source !== undefined)
          value.value = value.source;
      }
    },
  });
}

function placesIn(document: Document, lines: LineCounter, file: string, yaml: typeof Yaml): ConfigFile["placeOf"] {
  const child = (node: unknown, key: PropertyKey): { key: unknown; value: unknown } | undefined => {
    const resolved = yaml.isAlias(node) ? node.resolve(document) : node;
    if (yaml.isMap(resolved))
      return resolved.items.find((pair: Pair) => yaml.isScalar(pair.key) && pair.key.value === key);
    if (yaml.isSeq(resolved) && typeof key === "number")
      return { key: resolved.items[key], value: resolved.items[key] };
    return undefined;
  };
  const placeOf = (node: unknown): Place | undefined => {
    const range = (node as Node | null | undefined)?.range;
    return range ? placeAt(range[0], lines, file) : undefined;
  };
  return (path, part = "value") => {
    let here: { key: unknown; value: unknown } = { key: undefined, value: document.contents };
    let known = placeOf(document.contents);
    for (const key of path) {
      const next = child(here.value, key);
      if (next === undefined) break;
      known = placeOf(part === "key" ? next.key : (next.value ?? next.key)) ?? placeOf(next.key) ?? known;
      here = next;
    }
    return known ?? { file };
  };
}

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
