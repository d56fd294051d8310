/**
 * Every setting of an image that is one value: its flag, DIB's environment variable, and how their text is read.
 * Lists and maps that are put together from several places (elements, options, environment) are in asked-*.ts.
 */
import type { BuildConfig } from "./schema.js";

export type SettingName =
  | "arch"
  | "output"
  | "formats"
  | "packages"
  | "base"
  | "ramdisk"
  | "ramdiskElement"
  | "checksums"
  | "imageSizeGiB"
  | "imageExtraSizeMiB"
  | "mkfsOptions"
  | "mkfsJournalSizeMiB"
  | "maxOnlineResize"
  | "rootLabel"
  | "fsType"
  | "blockDevice"
  | "sectorSizeBytes"
  | "useTmpfs"
  | "minTmpfsGiB"
  | "qcow2Compression"
  | "qemuImgOptions"
  | "gzipProgram"
  | "dockerTarget"
  | "aciManifest"
  | "installType"
  | "offline"
  | "breaks"
  | "shellOnError"
  | "debugTrace"
  | "overwriteOldImage"
  | "keep"
  | "cacheDir"
  | "layers"
  | "cacheFrom"
  | "cacheTo"
  | "lockDir"
  | "tmpDir";

export type Settings = Pick<BuildConfig, SettingName>;

export interface Setting<V> {
  readonly flag?: string;
  /** Names of environment variables; the first one that is set and not empty counts. */
  readonly variables?: readonly string[];
  /** How a value must look, for messages. */
  readonly expected: string;
  /** Undefined when the text is not as expected. */
  readonly parse: (text: string) => V | undefined;
  /** Where DIB reads a variable in another way than the flag. */
  readonly parseVariable?: (text: string) => V | undefined;
  /** DIB lets scripts see the variable. The ones that the engine exports in any case are not marked. */
  readonly isSeenByScripts?: true;
}

const text = (value: string): string => value;

const list = (value: string): readonly string[] =>
  [...new Set(value.split(",").map((item) => item.trim()))].filter(Boolean);

const number = (value: string): number | undefined =>
  /^\s*[+-]?(\d+\.?\d*|\.\d+)\s*$/.test(value) ? Number(value) : undefined;

const integer = (value: string): number | undefined => (/^\s*[+-]?\d+\s*$/.test(value) ? Number(value) : undefined);

const truth: Readonly<Record<string, boolean>> = {
  true: true,
  "1": true,
  yes: true,
  false: false,
  "0": false,
  no: false,
};
const boolean = (value: string): boolean | undefined => (Object.hasOwn(truth, value) ? truth[value] : undefined);

const layerUse = (value: string): "use" | "refresh" | "none" | undefined =>
  value === "use" || value === "refresh" || value === "none" ? value : undefined;

const compression = (value: string): "zstd" | "zlib" | "none" | undefined =>
  value === "zstd" || value === "zlib" || value === "none" ? value : undefined;

/** DIB: `1` means both, `0` none, else names. */
export const parseChecksums = (value: string): readonly string[] => {
  if (value === "0" || value === "false") return [];
  return value === "1" || value === "true" ? ["md5", "sha256"] : list(value);
};

const aNumber = "a positive number";
const anInteger = "a positive whole number";
const aBoolean = "true or false";
const names = "names separated by commas";

export const settings: { readonly [K in SettingName]: Setting<Settings[K]> } = {
  arch: { flag: "-a", variables: ["ARCH"], expected: "an architecture", parse: text },
  output: { flag: "-o", variables: ["IMAGE_NAME"], expected: "a file name without an ending", parse: text },
  formats: { flag: "-t", expected: names, parse: list },
  packages: { flag: "-p", expected: names, parse: list },
  base: {
    flag: "-n",
    variables: ["SKIP_BASE"],
    expected: aBoolean,
    parse: boolean,
    parseVariable: (value) => value !== "1",
  },
  ramdisk: { flag: "--ramdisk", expected: aBoolean, parse: boolean },
  ramdiskElement: {
    flag: "--ramdisk-element",
    variables: ["RAMDISK_ELEMENT"],
    expected: "an element name",
    parse: text,
    isSeenByScripts: true,
  },
  checksums: {
    flag: "--checksum",
    variables: ["DIB_CHECKSUM"],
    expected: "md5, sha256, or both",
    parse: parseChecksums,
    parseVariable: (value) => parseChecksums(value.trim().replaceAll(/\s+/g, ",")), // DIB looks for the names in the text
  },
  imageSizeGiB: {
    flag: "--image-size",
    variables: ["DIB_IMAGE_SIZE"],
    expected: aNumber,
    parse: number,
    isSeenByScripts: true,
  },
  imageExtraSizeMiB: {
    flag: "--image-extra-size",
    variables: ["DIB_IMAGE_EXTRA_SIZE"],
    expected: aNumber,
    parse: number,
    isSeenByScripts: true,
  },
  // DIB's documentation promises MKFS_OPTS, its code resets it.
  mkfsOptions: { flag: "--mkfs-options", variables: ["MKFS_OPTS"], expected: "options of mkfs", parse: text },
  mkfsJournalSizeMiB: {
    flag: "--mkfs-journal-size",
    variables: ["DIB_JOURNAL_SIZE"],
    expected: anInteger,
    parse: integer,
    isSeenByScripts: true,
  },
  maxOnlineResize: {
    flag: "--max-online-resize",
    variables: ["MAX_ONLINE_RESIZE"],
    expected: anInteger,
    parse: integer,
    isSeenByScripts: true,
  },
  rootLabel: {
    flag: "--root-label",
    variables: ["ROOT_LABEL"],
    expected: "a label",
    parse: text,
    isSeenByScripts: true,
  },
  fsType: { flag: "--fs-type", variables: ["FS_TYPE"], expected: "a file system", parse: text },
  blockDevice: {
    flag: "--block-device",
    variables: ["DIB_BLOCK_DEVICE_CONFIG"],
    expected: "YAML, or file://PATH",
    parse: text,
    isSeenByScripts: true,
  },
  sectorSizeBytes: {
    flag: "--sector-size",
    variables: ["DIB_BLOCK_SIZE"],
    expected: "512 or 4096",
    parse: integer,
    isSeenByScripts: true,
  },
  useTmpfs: {
    flag: "--no-tmpfs",
    variables: ["DIB_NO_TMPFS"],
    expected: aBoolean,
    parse: boolean,
    parseVariable: (value) => value === "0",
  },
  minTmpfsGiB: { flag: "--min-tmpfs", variables: ["DIB_MIN_TMPFS"], expected: anInteger, parse: integer },
  qcow2Compression: { flag: "--compression", expected: "zstd, zlib or none", parse: compression },
  qemuImgOptions: {
    flag: "--qemu-img-options",
    variables: ["QEMU_IMG_OPTIONS"],
    expected: "KEY=VALUE,…",
    parse: text,
    isSeenByScripts: true,
  },
  gzipProgram: { variables: ["DIB_GZIP_BIN"], expected: "a program", parse: text, isSeenByScripts: true },
  // DIB sets DOCKER_TARGET back before it reads its options.
  dockerTarget: { flag: "--docker-target", expected: "REPOSITORY:TAG", parse: text },
  aciManifest: { variables: ["ACI_MANIFEST"], expected: "a path", parse: text, isSeenByScripts: true },
  installType: {
    flag: "--install-type",
    variables: ["DIB_DEFAULT_INSTALLTYPE"],
    expected: "source or package",
    parse: text,
    isSeenByScripts: true,
  },
  offline: {
    flag: "--offline",
    variables: ["DIB_OFFLINE"],
    expected: aBoolean,
    parse: boolean,
    parseVariable: () => true,
  },
  breaks: { flag: "--break", variables: ["break"], expected: names, parse: list },
  shellOnError: { flag: "--shell-on-error", expected: aBoolean, parse: boolean },
  debugTrace: { flag: "-x", variables: ["DIB_DEBUG_TRACE"], expected: "0, 1 or 2", parse: integer },
  overwriteOldImage: {
    flag: "--overwrite-old-image",
    variables: ["OVERWRITE_OLD_IMAGE"],
    expected: aBoolean,
    parse: boolean,
    parseVariable: (value) => value !== "0",
    isSeenByScripts: true,
  },
  keep: { flag: "--keep", expected: aBoolean, parse: boolean },
  cacheDir: { flag: "--image-cache", variables: ["DIB_IMAGE_CACHE"], expected: "a folder", parse: text },
  layers: { flag: "--no-cache", variables: ["DIB_LAYERS"], expected: "use, refresh or none", parse: layerUse },
  cacheFrom: { flag: "--cache-from", variables: ["DIB_CACHE_FROM"], expected: "a folder", parse: text },
  cacheTo: { flag: "--cache-to", variables: ["DIB_CACHE_TO"], expected: "a folder", parse: text },
  lockDir: { flag: "--lock-dir", variables: ["DIB_LOCKFILES"], expected: "a folder", parse: text },
  tmpDir: { flag: "--tmp-dir", variables: ["TMPDIR", "TMP_DIR"], expected: "a folder", parse: text },
};

export const settingNames = Object.keys(settings) as SettingName[];

/** Environment variables that are a setting, and the setting. */
export const settingOfVariable: ReadonlyMap<string, SettingName> = new Map(
  settingNames.flatMap((name) => (settings[name].variables ?? []).map((variable) => [variable, name] as const)),
);
