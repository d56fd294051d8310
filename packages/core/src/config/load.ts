/** Finds and reads what a build was asked for: config file, environment, flags. The only file that looks at process.env. */
import { dirname, resolve } from "node:path";
import { BuildError, throwFindings } from "../errors.js";
import { nearest } from "../nearest.js";
import { readElementPaths, readElements } from "./asked-elements.js";
import { readVariables } from "./asked-variables.js";
import { readConfigFile } from "./file.js";
import { readHost } from "./host.js";
import {
  adjustSettings,
  defaultSettings,
  environmentLayer,
  flagLayer,
  fromFolder,
  mergeLayers,
  originOf,
  writtenLayer,
  type Flags,
  type Host,
  type Read,
  type WrittenSource,
} from "./normalize.js";
import type { KeyPath } from "./parse-yaml.js";
import { nearestProject, notesOnLeftOut } from "./project.js";
import { checkOutputs, checkRules } from "./rules.js";
import type { BuildConfig } from "./schema.js";
import { settingOfVariable } from "./settings.js";
import { trustedFolders } from "./trusted-folders.js";
import type { Env } from "./variables.js";
import type { WrittenSettings } from "./written.js";

export interface LoadRequest {
  /** Absolute: where the search for a config file begins, and what relative paths of flags and variables start from. */
  readonly cwd: string;
  /** `--config`, absolute or relative to `cwd`; nothing is searched then. */
  readonly configFile?: string | undefined;
  /** Elements as the command line names them, words and ranges not yet split. They replace those of the config file. */
  readonly elements?: readonly string[] | undefined;
  /** Settings by their names in BuildConfig, for example `{ imageSizeGiB: "5", useTmpfs: false }`. */
  readonly flags?: Flags | undefined;
  /** `--env NAME` and `--env NAME=VALUE`. */
  readonly variables?: readonly string[] | undefined;
  /** `--image NAME`: which of several images. @default all */
  readonly images?: readonly string[] | undefined;
  /** `--elements-path`: searched before ELEMENTS_PATH. */
  readonly elementPaths?: readonly string[] | undefined;
  /** As DIB's own commands: no config file is searched, scripts get the whole environment, DIB's cache folders, zlib for qcow2. */
  readonly dropIn?: boolean | undefined;
  /** Scripts get the caller's whole environment. @default dropIn */
  readonly allEnvironment?: boolean | undefined;
  /** Absolute folders of element packages that come with the caller; searched last. */
  readonly bundled?: readonly string[] | undefined;
  /** DIB_ARGS. */
  readonly args?: readonly string[] | undefined;
  /** @default process.env */
  readonly env?: Env | undefined;
  /** @default this machine, and the user of this process or behind sudo */
  readonly host?: Host | undefined;
}

export interface LoadedConfig {
  /** One for each image asked for; a single one named `image` when the config file defines none. */
  readonly images: readonly BuildConfig[];
  /** Absolute path of the config file. */
  readonly file: string | undefined;
  /** What a person should know, and is no error. */
  readonly notes: readonly string[];
}

/**
 * Throws CONFIG_NOT_FOUND, CONFIG_UNREADABLE, CONFIG_KEY_UNKNOWN, CONFIG_VALUE_INVALID, CONFIG_IMAGE_UNKNOWN,
 * CONFIG_RULE_BROKEN, BREAK_NAME_UNKNOWN, PLAN_VARIABLE_INVALID, USAGE_INVALID; SEVERAL_FINDINGS for more than one.
 */
export async function loadConfig(request: LoadRequest): Promise<LoadedConfig> {
  const env = withAskedSettings(request.env ?? process.env, request.variables ?? []);
  const { source, project, notes, ...places } = await readPlaces(request, env);
  const shared: Shared = {
    request,
    env,
    source,
    ...places,
    isProject: project !== undefined && request.dropIn !== true,
    fromEnvironment: environmentLayer(env),
    fromFlags: flagLayer(request.flags ?? {}),
  };

  const loaded = await Promise.all(chooseImages(source, request).map((image) => loadImage(image, shared)));
  const images = loaded.map(({ config }) => config);
  const findings = [
    ...shared.fromEnvironment.findings,
    ...shared.fromFlags.findings,
    ...loaded.flatMap((image) => image.findings),
    ...checkOutputs(images),
  ];
  throwFindings(distinct(findings, ({ message }) => message));
  return {
    images,
    file: source.path,
    notes: distinct([...notes, ...loaded.flatMap((image) => image.notes)], (note) => note),
  };
}

/** Where elements are looked for, and nothing of what is to be built. Throws what is wrong with the config file. */
export async function loadElementPlaces(
  request: Pick<LoadRequest, "cwd" | "configFile" | "elementPaths" | "dropIn" | "bundled" | "env" | "host">,
): Promise<Pick<BuildConfig, "elementPaths" | "projectDir" | "bundled" | "caller">> {
  const env = request.env ?? process.env;
  const { source, host, projectDir } = await readPlaces(request, env);
  const elementPaths = readElementPaths({ request, env, source, host, projectDir });
  return { elementPaths, projectDir, bundled: request.bundled ?? [], caller: host.caller };
}

/** The config file, and what lies where. */
async function readPlaces(request: LoadRequest, env: Env) {
  const host = request.host ?? (await readHost(env));
  const folders = trustedFolders(request.cwd, host.caller.uid);
  const { source, notes } = await readSource(request, host.caller.home, folders);
  const project = source.path === undefined ? await nearestProject(folders) : dirname(source.path);
  return {
    host,
    source,
    project,
    projectDir: project ?? request.cwd,
    notes: [...(await notesOnLeftOut(request.cwd, folders)), ...notes],
  };
}

/** What holds for a default of all images is found again for each. */
const distinct = <T>(items: readonly T[], by: (item: T) => string): readonly T[] => [
  ...new Map(items.map((item) => [by(item), item])).values(),
];

/** `--env ARCH=arm64` means the setting. */
function withAskedSettings(env: Env, asked: readonly string[]): Env {
  const pairs = asked.map((text) => text.split("=", 1).concat(text.slice(text.indexOf("=") + 1)) as [string, string]);
  const isSetting = (name: string, text: string) => settingOfVariable.has(name) && text.includes("=");
  return { ...env, ...Object.fromEntries(pairs.filter(([name], index) => isSetting(name, asked[index] ?? ""))) };
}

async function readSource(
  { cwd, configFile, dropIn }: LoadRequest,
  home: string,
  folders: readonly string[],
): Promise<{ source: WrittenSource; notes: readonly string[] }> {
  const none: WrittenSource = { written: {}, path: undefined, home, placeOf: () => ({ file: "" }) };
  if (dropIn === true && configFile === undefined) return { source: none, notes: [] };
  const file = await readConfigFile(cwd, configFile === undefined ? undefined : resolve(cwd, configFile), folders);
  if (file === undefined) return { source: none, notes: [] };
  const { checkWritten } = await import("./check-written.js"); // brings zod
  const { written, findings } = checkWritten(file);
  throwFindings(findings);
  return { source: { written, path: file.path, home, placeOf: file.placeOf }, notes: file.notes };
}

/** DIB adds the system's program folders that the caller's PATH lacks. An empty entry would be the current folder. */
const searchPath = (path = ""): string =>
  distinct(
    [...(path || "/usr/local/bin:/usr/bin:/bin").split(":").filter(Boolean), "/sbin", "/usr/sbin", "/usr/local/sbin"],
    (folder) => folder,
  ).join(":");

/** An image's name, and where its settings are in the file, most general first. */
export interface ImageSource {
  readonly name: string;
  readonly levels: readonly { readonly written: WrittenSettings; readonly at: KeyPath }[];
}

/** Throws CONFIG_IMAGE_UNKNOWN, USAGE_INVALID. */
function chooseImages({ written }: WrittenSource, request: LoadRequest): readonly ImageSource[] {
  const { images = {} } = written;
  const defined = Object.keys(images);
  const unknown = (request.images ?? []).filter((image) => !defined.includes(image));
  throwFindings(
    unknown.map(
      (image) => new BuildError("CONFIG_IMAGE_UNKNOWN", { image, known: defined, nearest: nearest(image, defined) }),
    ),
  );
  const top = { written, at: [] };
  if (defined.length === 0) return [{ name: "image", levels: [top] }];
  const chosen = defined.filter((image) => request.images === undefined || request.images.includes(image));
  if (chosen.length > 1 && (request.elements ?? []).some((text) => text.trim() !== "")) {
    const hint = `Leave the elements out, or choose one with --image: ${chosen.join(", ")}.`;
    throw new BuildError("USAGE_INVALID", {
      reason: "Elements were named, but the config file defines several images.",
      hint,
    });
  }
  return chosen.map((name) => ({ name, levels: [top, { written: images[name] ?? {}, at: ["images", name] }] }));
}

const dibVariables = (env: Env): Readonly<Record<string, string>> =>
  Object.fromEntries(
    Object.entries(env).flatMap(([name, value = ""]) => (/^DIB_\w*$/.test(name) ? [[name, value]] : [])),
  );

/** What all images of one request have in common. */
export interface Shared {
  readonly request: LoadRequest;
  readonly env: Env;
  readonly host: Host;
  readonly source: WrittenSource;
  readonly projectDir: string;
  readonly isProject: boolean;
  readonly fromEnvironment: Read;
  readonly fromFlags: Read;
}

async function loadImage(
  image: ImageSource,
  shared: Shared,
): Promise<{ config: BuildConfig; notes: readonly string[]; findings: readonly BuildError[] }> {
  const { request, host, source, fromEnvironment, fromFlags, projectDir, isProject } = shared;
  const layers = [
    ...image.levels.map(({ written, at }) => writtenLayer(written, at, source)),
    fromEnvironment.layer,
    fromFlags.layer,
  ];
  const merged = mergeLayers(defaultSettings({ host, image: image.name, dropIn: request.dropIn === true }), layers);
  const { settings, notes } = adjustSettings(merged.settings, request.cwd);
  const { elements, options } = readElements(image, shared);
  const { findings, ...variables } = await readVariables(image, shared);
  const config: BuildConfig = {
    image: image.name,
    elements,
    options,
    elementPaths: readElementPaths(shared),
    ...settings,
    ...variables,
    callerDibVariables: request.dropIn === true ? dibVariables(shared.env) : undefined,
    projectDir,
    isProject,
    cwd: request.cwd,
    path: searchPath(shared.env.PATH),
    bundled: request.bundled ?? [],
    plugins: (source.written.plugins ?? []).map((plugin) =>
      /^[./~]/.test(plugin) ? fromFolder(projectDir, plugin, host.caller.home) : plugin,
    ),
    caller: host.caller,
    args: request.args ?? [],
    origins: {
      ...merged.origins,
      elements: elements[0]?.origin ?? "default",
      image: image.levels.length > 1 ? originOf(source, ["images", image.name]) : "default",
    },
  };
  return { config, notes, findings: [...findings, ...checkRules(config)] };
}
