/** Finds and reads what a build was asked for: config file, environment, flags. The only file that looks at process.env. */
import { access, readFile, stat } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { BuildError, reasonOf, throwFindings } from "../errors.js";
import { nearest } from "../nearest.js";
import { readConfigFile, type KeyPath } from "./file.js";
import { readHost } from "./host.js";
import {
  adjustSettings,
  defaultSettings,
  environmentLayer,
  flagLayer,
  fromFolder,
  mergeLayers,
  originOf,
  readElements,
  writtenLayer,
  type Flags,
  type Host,
  type Read,
  type WrittenSource,
} from "./normalize.js";
import { checkOutputs, checkRules } from "./rules.js";
import type { BuildConfig, Origin } from "./schema.js";
import { settingOfVariable } from "./settings.js";
import { shownValue } from "./shown.js";
import { assembleVariables, type Env, type GivenVariable, type Variables } from "./variables.js";
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
  const host = request.host ?? (await readHost(env));
  const { source, notes } = await readSource(request, host.caller.home);
  const projectDir = source.path === undefined ? await findProject(request.cwd) : dirname(source.path);
  const shared: Shared = {
    request,
    env,
    host,
    source,
    projectDir,
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
): Promise<{ source: WrittenSource; notes: readonly string[] }> {
  const none: WrittenSource = { written: {}, path: undefined, home, placeOf: () => ({ file: "" }) };
  if (dropIn === true && configFile === undefined) return { source: none, notes: [] };
  const file = await readConfigFile(cwd, configFile === undefined ? undefined : resolve(cwd, configFile));
  if (file === undefined) return { source: none, notes: [] };
  const { checkWritten } = await import("./check-written.js"); // brings zod
  const { written, findings } = checkWritten(file);
  throwFindings(findings);
  return { source: { written, path: file.path, home, placeOf: file.placeOf }, notes: file.notes };
}

/** DIB adds the system's program folders that the caller's PATH lacks. */
const searchPath = (path = "/usr/local/bin:/usr/bin:/bin"): string =>
  distinct([...path.split(":"), "/sbin", "/usr/sbin", "/usr/local/sbin"], (folder) => folder).join(":");

/** The folder of the nearest package.json, where elements are installed; else `cwd`. */
async function findProject(cwd: string): Promise<string> {
  for (let folder = cwd; ; folder = dirname(folder)) {
    const isProject = await access(join(folder, "package.json")).then(
      () => true,
      () => false,
    );
    if (isProject) return folder;
    if (folder === dirname(folder)) return cwd;
  }
}

/** An image's name, and where its settings are in the file, most general first. */
interface ImageSource {
  readonly name: string;
  readonly levels: readonly { readonly written: WrittenSettings; readonly at: KeyPath }[];
}

/** Throws CONFIG_IMAGE_UNKNOWN, USAGE_INVALID. */
function chooseImages({ written }: WrittenSource, request: LoadRequest): readonly ImageSource[] {
  const { images = {}, elementPaths: _, plugins: __, $schema: ___, ...top } = written;
  const defined = Object.keys(images);
  const unknown = (request.images ?? []).filter((image) => !defined.includes(image));
  throwFindings(
    unknown.map(
      (image) => new BuildError("CONFIG_IMAGE_UNKNOWN", { image, known: defined, nearest: nearest(image, defined) }),
    ),
  );
  const level = { written: top, at: [] };
  if (defined.length === 0) return [{ name: "image", levels: [level] }];
  const chosen = defined.filter((image) => request.images === undefined || request.images.includes(image));
  if (chosen.length > 1 && (request.elements ?? []).some((text) => text.trim() !== "")) {
    const hint = `Leave the elements out, or choose one with --image: ${chosen.join(", ")}.`;
    throw new BuildError("USAGE_INVALID", {
      reason: "Elements were named, but the config file defines several images.",
      hint,
    });
  }
  return chosen.map((name) => ({ name, levels: [level, { written: images[name] ?? {}, at: ["images", name] }] }));
}

/** What all images of one request have in common. */
interface Shared {
  readonly request: LoadRequest;
  readonly env: Env;
  readonly host: Host;
  readonly source: WrittenSource;
  readonly projectDir: string;
  readonly fromEnvironment: Read;
  readonly fromFlags: Read;
}

async function loadImage(
  image: ImageSource,
  shared: Shared,
): Promise<{ config: BuildConfig; notes: readonly string[]; findings: readonly BuildError[] }> {
  const { request, host, source, fromEnvironment, fromFlags, projectDir } = shared;
  const layers = [
    ...image.levels.map(({ written, at }) => writtenLayer(written, at, source)),
    fromEnvironment.layer,
    fromFlags.layer,
  ];
  const merged = mergeLayers(defaultSettings({ host, image: image.name, dropIn: request.dropIn === true }), layers);
  const { settings, notes } = adjustSettings(merged.settings, request.cwd);
  const { elements, options } = readAllElements(image, shared);
  const { findings, ...variables } = await readVariables(image, shared);
  const config: BuildConfig = {
    image: image.name,
    elements,
    options,
    elementPaths: readElementPaths(shared),
    ...settings,
    ...variables,
    projectDir,
    cwd: request.cwd,
    path: searchPath(shared.env.PATH),
    bundled: request.bundled ?? [],
    plugins: (source.written.plugins ?? []).map((plugin) =>
      /^[./~]/.test(plugin) ? fromFolder(projectDir, plugin, host.caller.home) : plugin,
    ),
    caller: host.caller,
    args: (request.args ?? []).join(" "),
    origins: {
      ...merged.origins,
      elements: elements[0]?.origin ?? "default",
      image: image.levels.length > 1 ? originOf(source, ["images", image.name]) : "default",
    },
  };
  return { config, notes, findings: [...findings, ...checkRules(config)] };
}

/** DIB puts what IMAGE_ELEMENT holds before the arguments. Options add up, the most particular place wins. */
function readAllElements(
  { levels }: ImageSource,
  { request, env, source }: Shared,
): Pick<BuildConfig, "elements" | "options"> {
  const written = levels.map(({ written: { elements, options }, at }) => ({
    named:
      elements === undefined
        ? undefined
        : readElements(elements, (index) =>
            originOf(source, [...at, "elements", ...(index === undefined ? [] : [index])]),
          ),
    options: options ?? {},
  }));
  const asked = [
    ...readElements(env.IMAGE_ELEMENT, () => "$IMAGE_ELEMENT").elements,
    ...readElements([...(request.elements ?? [])], () => "command line").elements,
  ];
  return {
    elements: asked.length > 0 ? asked : (written.findLast(({ named }) => named !== undefined)?.named?.elements ?? []),
    options: written.reduce<Record<string, unknown>>(
      (all, { named, options }) => ({ ...all, ...options, ...named?.options }),
      {},
    ),
  };
}

/** In the order of look-up. */
function readElementPaths({ request, env, source, host, projectDir }: Shared): BuildConfig["elementPaths"] {
  const within = (paths: readonly string[], origin: Origin) =>
    paths.filter(Boolean).map((path) => ({ path: resolve(request.cwd, path), origin }));
  return [
    ...within(request.elementPaths ?? [], "--elements-path"),
    ...within((env.ELEMENTS_PATH ?? "").split(":"), "$ELEMENTS_PATH"),
    ...(source.written.elementPaths ?? []).map((path, index) => ({
      path: fromFolder(projectDir, path, host.caller.home),
      origin: originOf(source, ["elementPaths", index]),
    })),
  ];
}

async function readVariables(
  { levels }: ImageSource,
  { request, env, source, fromEnvironment, fromFlags }: Shared,
): Promise<Variables> {
  const written: GivenVariable[] = [];
  const findings: BuildError[] = [];
  for (const { written: settings, at } of levels) {
    for (const [name, value] of Object.entries(settings.environment ?? {})) {
      const origin = originOf(source, [...at, "environment", name]);
      const setting = settingOfVariable.get(name);
      if (setting === undefined) written.push(...(await readValue(name, value, origin, { source, env, findings })));
      else
        findings.push(
          new BuildError("CONFIG_RULE_BROKEN", {
            setting: `environment.${name}`,
            value: shownValue(value),
            origin,
            reason: "it is a setting of its own.",
            hint: `Write ${setting}.`,
          }),
        );
    }
  }
  const allEnvironment = request.allEnvironment ?? request.dropIn === true;
  const seen = [...fromEnvironment.seen, ...fromFlags.seen];
  const variables = assembleVariables({
    env,
    written,
    settings: seen,
    asked: request.variables ?? [],
    allEnvironment,
    settingVariables: new Set(settingOfVariable.keys()),
  });
  return { ...variables, findings: [...findings, ...variables.findings] };
}

type WrittenVariable = NonNullable<WrittenSettings["environment"]>[string];

/** Values that are not in the file itself are secret: that is what these forms are for. */
async function readValue(
  name: string,
  value: WrittenVariable,
  origin: Origin,
  { source, env, findings }: { source: WrittenSource; env: Env; findings: BuildError[] },
): Promise<readonly GivenVariable[]> {
  if (typeof value !== "object") return [{ name, value: String(value), origin }];
  const found =
    "secret" in value
      ? value.secret
      : "fromEnv" in value
        ? (env[value.fromEnv] ?? new Error(`$${value.fromEnv} is not set`))
        : await readSecretFile(fromFolder(dirname(source.path ?? "/"), value.fromFile, source.home));
  if (typeof found === "string") return [{ name, value: found, origin, secret: true }];
  findings.push(new BuildError("PLAN_VARIABLE_INVALID", { name, origin, reason: `${found.message}.` }));
  return [];
}

const maxSecretBytes = 2 ** 17; // what the kernel takes for one variable

/** Without the newline that editors put at the end. Never waits for a pipe. */
async function readSecretFile(path: string): Promise<string | Error> {
  try {
    const info = await stat(path);
    if (!info.isFile() || info.size >= maxSecretBytes) return new Error(`${path} is no file of less than 128 KiB`);
    return (await readFile(path, "utf8")).replace(/\r?\n$/, "");
  } catch (error) {
    return new Error(`the file can't be read: ${reasonOf(error)}`);
  }
}
