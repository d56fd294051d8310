/** WrittenConfig, environment and flags → BuildConfig: defaults, precedence, absolute paths; each value with its origin. */
import { dirname, isAbsolute, join, resolve } from "node:path";
import { BuildError, formatPlace } from "../errors.js";
import type { ConfigFile } from "./file.js";
import type { KeyPath } from "./parse-yaml.js";
import type { BuildConfig, Origin } from "./schema.js";
import { parseChecksums, settingNames, settings, type SettingName, type Settings } from "./settings.js";
import { shownText } from "./shown.js";
import type { Env, GivenVariable } from "./variables.js";
import type { WrittenConfig, WrittenSettings } from "./written.js";

interface Given<V> {
  readonly value: V;
  readonly origin: Origin;
}

/** Settings that one source gives. */
export type Layer = { readonly [K in SettingName]?: Given<Settings[K]> };

/** What the command line says of settings, by their names: text as typed, or values. Empty text counts as not given. */
export type Flags = { readonly [K in SettingName]?: string | number | boolean | readonly string[] | undefined };

/** What a build takes from the machine and the user it runs for. */
export interface Host {
  /** As Debian names it. */
  readonly arch: string;
  readonly caller: BuildConfig["caller"];
  /** `${XDG_CACHE_HOME:-~/.cache}`. */
  readonly userCacheDir: string;
}

/** The config file as `normalize` needs it. `path` is undefined without a file. */
export interface WrittenSource {
  readonly written: WrittenConfig;
  readonly path: string | undefined;
  /** What `~/` means in it. */
  readonly home: string;
  readonly placeOf: ConfigFile["placeOf"];
}

/** Origins name the file alone: where it lies on this machine is no part of a plan. */
export const originOf = ({ path, placeOf }: WrittenSource, keys: KeyPath): Origin =>
  path === undefined ? "default" : formatPlace({ ...placeOf(keys), file: path.slice(path.lastIndexOf("/") + 1) });

export interface DefaultsRequest {
  readonly host: Host;
  /** IMAGE_NAME when nothing names it. */
  readonly image: string;
  /** DIB's own commands: its cache, and compression that every qemu can read. */
  readonly dropIn: boolean;
}

export function defaultSettings({ host, image, dropIn }: DefaultsRequest): Settings {
  const cacheDir = host.caller.uid === 0 ? "/var/cache/dib" : join(host.userCacheDir, "dib");
  const dibCache = join(host.caller.home, ".cache");
  return {
    arch: host.arch,
    output: image,
    formats: ["qcow2"],
    packages: [],
    base: true,
    ramdisk: false,
    ramdiskElement: "ramdisk",
    checksums: [],
    imageSizeGiB: undefined,
    imageExtraSizeMiB: undefined,
    mkfsOptions: "",
    mkfsJournalSizeMiB: 64,
    maxOnlineResize: undefined,
    rootLabel: undefined,
    fsType: "ext4",
    blockDevice: undefined,
    sectorSizeBytes: undefined,
    useTmpfs: true,
    minTmpfsGiB: 2,
    qcow2Compression: dropIn ? "zlib" : "zstd",
    qemuImgOptions: "",
    gzipProgram: undefined,
    dockerTarget: undefined,
    aciManifest: undefined,
    installType: "source",
    offline: false,
    breaks: [],
    shellOnError: false,
    debugTrace: 0,
    overwriteOldImage: false,
    keep: false,
    layers: "use",
    cacheFrom: undefined,
    cacheTo: undefined,
    cacheDir: dropIn ? join(dibCache, "image-create") : cacheDir,
    lockDir: dropIn ? join(dibCache, "dib/lockfiles") : join(cacheDir, "lockfiles"),
    tmpDir: "/var/tmp",
  };
}

/** Settings from environment variables, and the variables of them that scripts see. Findings: CONFIG_VALUE_INVALID. */
export function environmentLayer(env: Env): Read {
  return readTexts((name) => {
    const variable = settings[name].variables?.find((candidate) => (env[candidate] ?? "") !== "");
    if (variable === undefined) return undefined;
    return {
      text: env[variable] ?? "",
      origin: `$${variable}`,
      parse: settings[name].parseVariable ?? settings[name].parse,
    };
  });
}

/** Settings from flags, and what scripts see of them: DIB exports some options as variables. Findings: CONFIG_VALUE_INVALID. */
export function flagLayer(flags: Flags): Read {
  return readTexts((name) => {
    const flag = flags[name];
    const text = Array.isArray(flag) ? flag.join(",") : String(flag ?? "");
    return text === "" ? undefined : { text, origin: settings[name].flag ?? name, parse: settings[name].parse };
  });
}

export interface Read {
  readonly layer: Layer;
  readonly seen: readonly GivenVariable[];
  readonly findings: readonly BuildError[];
}

function readTexts(
  textOf: (name: SettingName) => { text: string; origin: Origin; parse: (text: string) => unknown } | undefined,
): Read {
  const layer: Partial<Record<SettingName, Given<unknown>>> = {};
  const seen: GivenVariable[] = [];
  const findings: BuildError[] = [];
  for (const name of settingNames) {
    const found = textOf(name);
    if (found === undefined) continue;
    const { text, origin, parse } = found;
    const value = parse(text);
    if (value === undefined) {
      findings.push(
        new BuildError("CONFIG_VALUE_INVALID", {
          place: { file: origin },
          key: name,
          isOnly: true,
          value: shownText(text),
          expected: settings[name].expected,
        }),
      );
      continue;
    }
    layer[name] = { value, origin };
    const variable = settings[name].variables?.[0];
    if (settings[name].isSeenByScripts === true && variable !== undefined)
      seen.push({ name: variable, value: text, origin });
  }
  return { layer: layer as Layer, seen, findings };
}

/** Settings as written at one place of the file: the top (`[]`), or `["images", NAME]`. */
export function writtenLayer(written: WrittenSettings, at: KeyPath, source: WrittenSource): Layer {
  const folder = dirname(source.path ?? "/");
  const layer: Partial<Record<SettingName, Given<unknown>>> = {};
  const give = (name: SettingName, value: unknown, key: KeyPath = [name]) => {
    if (value !== undefined) layer[name] = { value, origin: originOf(source, [...at, ...key]) };
  };
  for (const name of settingNames) {
    const value = (written as Readonly<Partial<Record<SettingName, unknown>>>)[name];
    if (value === undefined) continue;
    if (listSettings.has(name)) give(name, asList(value as string | readonly string[]));
    else if (pathSettings.has(name)) give(name, fromFolder(folder, value as string, source.home));
    else give(name, value);
  }
  give(
    "blockDevice",
    asBlockDevice(written.blockDevice, (path) => fromFolder(folder, path, source.home)),
  );
  give("qemuImgOptions", asOptions(written.qemuImgOptions));
  give("checksums", asChecksums(written.checksum), ["checksum"]);
  if (typeof written.tmpfs === "object") give("minTmpfsGiB", written.tmpfs.minGiB, ["tmpfs", "minGiB"]);
  if (written.tmpfs !== undefined) give("useTmpfs", written.tmpfs !== false, ["tmpfs"]);
  return layer as Layer;
}

const listSettings: ReadonlySet<SettingName> = new Set(["formats", "packages", "breaks"]);
const pathSettings: ReadonlySet<SettingName> = new Set([
  "cacheDir",
  "lockDir",
  "tmpDir",
  "aciManifest",
  "cacheFrom",
  "cacheTo",
]);

const asList = (value: string | readonly string[]): readonly string[] => [
  ...new Set((typeof value === "string" ? value.split(",") : value).map((item) => item.trim()).filter(Boolean)),
];

const asChecksums = (value: WrittenSettings["checksum"]): readonly string[] | undefined =>
  value === undefined ? undefined : Array.isArray(value) ? asList(value) : parseChecksums(String(value));

const asOptions = (value: WrittenSettings["qemuImgOptions"]): string | undefined =>
  typeof value === "object"
    ? Object.entries(value)
        .map(([key, option]) => `${key}=${option}`)
        .join(",")
    : value;

/** JSON is YAML, which the layout is read as. */
function asBlockDevice(
  value: WrittenSettings["blockDevice"],
  toAbsolute: (path: string) => string,
): string | undefined {
  if (value === undefined) return undefined;
  if (typeof value !== "string") return JSON.stringify(value);
  return /^\s*[[{-]|\n/.test(value) ? value : `file://${toAbsolute(value.replace(/^file:\/\//, ""))}`;
}

/** An absolute path. `~/` is the shell's to expand, but a config file has no shell. */
export const fromFolder = (folder: string, path: string, home: string): string =>
  path.startsWith("~/") ? join(home, path.slice(2)) : resolve(folder, path);

/** Later layers win. */
export function mergeLayers(
  defaults: Settings,
  layers: readonly Layer[],
): { settings: Settings; origins: Readonly<Record<SettingName, Origin>> } {
  const given = settingNames.map(
    (name) =>
      [
        name,
        layers.findLast((layer) => layer[name] !== undefined)?.[name] ?? { value: defaults[name], origin: "default" },
      ] as const,
  );
  return {
    settings: Object.fromEntries(given.map(([name, { value }]) => [name, value])) as unknown as Settings,
    origins: Object.fromEntries(given.map(([name, { origin }]) => [name, origin])) as Record<SettingName, Origin>,
  };
}

/** What depends on several settings at once. Notes say what was changed. */
export function adjustSettings(given: Settings, base: string): { settings: Settings; notes: readonly string[] } {
  const notes: string[] = [];
  let { qcow2Compression } = given;
  if (
    qcow2Compression === "zstd" &&
    given.formats.includes("qcow2") &&
    /(^|,)compat=(0\.10|v2)(,|$)/.test(given.qemuImgOptions)
  ) {
    qcow2Compression = "zlib";
    notes.push("qcow2 is compressed with zlib: compat=0.10 knows no zstd.");
  }
  const settings: Settings = {
    ...given,
    qcow2Compression,
    arch: debianArch(given.arch),
    output: stripEnding(given.output, given.formats),
    cacheDir: resolve(base, given.cacheDir),
    lockDir: resolve(base, given.lockDir),
    tmpDir: resolve(base, given.tmpDir),
    aciManifest: given.aciManifest === undefined ? undefined : resolve(base, given.aciManifest),
    cacheFrom: given.cacheFrom === undefined ? undefined : resolve(base, given.cacheFrom),
    cacheTo: given.cacheTo === undefined ? undefined : resolve(base, given.cacheTo),
    blockDevice: absoluteFile(given.blockDevice, base),
  };
  return { settings, notes };
}

/** Elements know the kernel's names as well, the engine only one. */
export const debianArch = (arch: string): string =>
  Object.hasOwn(kernelNames, arch) ? (kernelNames[arch] ?? arch) : arch;
const kernelNames: Readonly<Record<string, string>> = {
  x86_64: "amd64",
  x64: "amd64",
  aarch64: "arm64",
  arm: "armhf",
  ia32: "i386",
};

/** DIB: `-o foo.qcow2` with exactly one format is `foo`. */
function stripEnding(output: string, formats: readonly string[]): string {
  const [format] = formats;
  const ending = `.${format ?? ""}`;
  const isNameLeft = output.length > ending.length && !output.endsWith(`/${ending}`);
  return formats.length === 1 && isNameLeft && output.endsWith(ending) ? output.slice(0, -ending.length) : output;
}

const absoluteFile = (blockDevice: Settings["blockDevice"], base: string): Settings["blockDevice"] => {
  if (typeof blockDevice !== "string" || !blockDevice.startsWith("file://")) return blockDevice;
  const path = blockDevice.slice("file://".length);
  return isAbsolute(path) ? blockDevice : `file://${resolve(base, path)}`;
};
