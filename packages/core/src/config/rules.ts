/** What a config must keep to beyond the type of each value. Each rule gives all its findings; `checkRules` collects them. */
import { resolve } from "node:path";
import { BuildError } from "../errors.js";
import { nearest } from "../nearest.js";
import { breakPoints } from "../phases/table.js";
import type { BuildConfig } from "./schema.js";
import type { SettingName } from "./settings.js";
import { shownText } from "./shown.js";

type Rule = (config: BuildConfig) => readonly BuildError[];

/** Findings: CONFIG_RULE_BROKEN, BREAK_NAME_UNKNOWN. */
export const checkRules = (config: BuildConfig): readonly BuildError[] => rules.flatMap((rule) => rule(config));

/** For plan time, when every element has made its formats known. Findings: FORMAT_UNKNOWN. */
export const checkFormats = (
  { formats, origins }: Pick<BuildConfig, "formats" | "origins">,
  known: readonly string[],
): readonly BuildError[] =>
  formats
    .filter((format) => !known.includes(format))
    .map(
      (format) =>
        new BuildError("FORMAT_UNKNOWN", {
          format,
          origin: origins.formats ?? "default",
          known,
          nearest: nearest(format, known),
        }),
    );

/** Two images would write the same files. */
export function checkOutputs(configs: readonly BuildConfig[]): readonly BuildError[] {
  const pathOf = ({ cwd, output }: BuildConfig) => resolve(cwd, output);
  return configs.flatMap((config, index) => {
    const other = configs.slice(0, index).find((before) => pathOf(before) === pathOf(config));
    return other === undefined
      ? []
      : [
          broken(
            config,
            "output",
            config.output,
            `image ${other.image} has the same output as ${config.image}.`,
            "Give each image an output of its own.",
          ),
        ];
  });
}

/** For plan time as well: what formats say of the settings. Findings: CONFIG_RULE_BROKEN. */
export const brokenRule = (
  config: Pick<BuildConfig, "origins">,
  {
    setting,
    value,
    origin = config.origins[setting] ?? "default",
    ...why
  }: {
    readonly setting: SettingName;
    readonly value: unknown;
    readonly origin?: string | undefined;
    readonly reason: string;
    readonly hint?: string | undefined;
  },
): BuildError => {
  const shown = typeof value === "string" ? shownText(value) : String(value);
  return new BuildError("CONFIG_RULE_BROKEN", { setting, value: shown, origin, ...why });
};

const broken = (config: BuildConfig, setting: SettingName, value: unknown, reason: string, hint?: string): BuildError =>
  brokenRule(config, { setting, value, reason, hint });

/** A rule on one setting: `problem` says what is wrong with its value, which is left alone when undefined. */
const onSetting =
  <K extends SettingName>(
    setting: K,
    problem: (value: NonNullable<BuildConfig[K]>) => string | undefined,
    hint?: (value: NonNullable<BuildConfig[K]>) => string | undefined,
  ): Rule =>
  (config) => {
    const value = config[setting];
    if (value === undefined || value === null) return [];
    const reason = problem(value);
    return reason === undefined ? [] : [broken(config, setting, value, reason, hint?.(value))];
  };

/** DIB's list, in the names we use. */
const arches = [
  "amd64",
  "arm64",
  "armhf",
  "armel",
  "i386",
  "powerpc",
  "ppc64",
  "ppc64el",
  "ppc64le",
  "riscv64",
  "s390x",
];

const maxGiB = 2 ** 20;
const maxMiB = maxGiB * 1024;

const between = (least: number, most: number, unit: string) => (value: number) =>
  value >= least && value <= most ? undefined : `it must be between ${least} and ${most} ${unit}.`;
const positive = (most: number, unit: string) => (value: number) =>
  value > 0 && value <= most ? undefined : `it must be more than 0 and at most ${most} ${unit}.`;
const oneLine = (value: string) => (hasControls(value) ? "it holds control characters." : undefined);
// eslint-disable-next-line no-control-regex
const hasControls = (value: string): boolean => /[\0-\x1f\x7f]/.test(value);
const word = (what: string) => (value: string) =>
  /^[A-Za-z0-9][A-Za-z0-9._+-]*$/.test(value) ? undefined : `that is not ${what}.`;

const rules: readonly Rule[] = [
  onSetting(
    "arch",
    (arch) => (arches.includes(arch) ? undefined : "there is no such architecture."),
    (arch) => {
      const meant = nearest(arch, arches);
      return meant === undefined ? `Architectures: ${arches.join(", ")}.` : `Did you mean "${meant}"?`;
    },
  ),
  onSetting("output", outputProblem),
  onSetting("formats", (formats) => (formats.length === 0 ? "at least one format is needed." : undefined)),
  onSetting("imageSizeGiB", positive(maxGiB, "GiB")),
  onSetting("imageExtraSizeMiB", positive(maxMiB, "MiB")),
  onSetting("mkfsJournalSizeMiB", between(1, 2 ** 20, "MiB")),
  onSetting("maxOnlineResize", between(1, Number.MAX_SAFE_INTEGER, "blocks")),
  onSetting("minTmpfsGiB", between(1, maxGiB, "GiB")),
  onSetting("sectorSizeBytes", (size) =>
    size === 512 || size === 4096 ? undefined : "disks have sectors of 512 or 4096 bytes.",
  ),
  onSetting("debugTrace", between(0, 9, "steps")),
  onSetting("fsType", word("the name of a file system")),
  onSetting("installType", word("an install type")),
  onSetting("rootLabel", (label) =>
    /[\s"'\\]/.test(label) || hasControls(label) ? "a label has no spaces, quotes or control characters." : undefined,
  ),
  onSetting("mkfsOptions", oneLine),
  onSetting("qemuImgOptions", (options) =>
    options === "" || (!hasControls(options) && /^[\w.-]+=[^,]*(,[\w.-]+=[^,]*)*$/.test(options))
      ? undefined
      : "qemu-img takes KEY=VALUE, separated by commas.",
  ),
  onSetting(
    "gzipProgram",
    (command) =>
      /^[\w./+-][\w./+=,-]*( [\w./+=,-]+)*$/.test(command) ? undefined : "that is no program with options.",
    () => "Name a program that compresses its input, for example pigz.",
  ),
  onSetting("packages", (packages) => {
    const strange = packages.filter((name) => !/^[A-Za-z0-9@][A-Za-z0-9@.+:=~_^*()/-]*$/.test(name));
    return strange.length === 0 ? undefined : `${strange.map(shownText).join(", ")} can't be a package.`;
  }),
  onSetting(
    "blockDevice",
    (layout) => (isBareWord(layout) ? "that is no layout; the path of one begins with file://." : undefined),
    (layout) => `Write file://${String(layout)}.`,
  ),
  checkChecksums,
  checkBreaks,
  checkLegacyQcow2,
];

const isBareWord = (layout: unknown): boolean =>
  typeof layout === "string" && !layout.startsWith("file://") && /^[^\s{[:]+$/.test(layout);

/** IMAGE_NAME ends up in file names, in environment variables and in lines that scripts print. */
function outputProblem(output: string): string | undefined {
  if (hasControls(output)) return "a file name can't hold control characters.";
  const name = output.slice(output.lastIndexOf("/") + 1);
  if (name === "" || name === "." || name === "..") return "it must end in a file name.";
  if (Buffer.byteLength(name) > maxNameBytes)
    return `a file name has at most ${maxNameBytes} bytes, to leave room for endings.`;
  return undefined;
}
const maxNameBytes = 200;

const checksumNames = ["md5", "sha256"];

function checkChecksums(config: BuildConfig): readonly BuildError[] {
  return config.checksums
    .filter((name) => !checksumNames.includes(name))
    .map((name) =>
      broken(config, "checksums", name, "checksums are md5 and sha256.", hintFor(nearest(name, checksumNames))),
    );
}

const hintFor = (meant: string | undefined): string | undefined =>
  meant === undefined ? undefined : `Did you mean "${meant}"?`;

function checkBreaks({ breaks }: BuildConfig): readonly BuildError[] {
  return breaks
    .filter((name) => !breakPoints.includes(name))
    .map((name) => new BuildError("BREAK_NAME_UNKNOWN", { name, nearest: nearest(name, breakPoints) }));
}

/** adjustSettings takes zlib for it; what is left is an option that contradicts it. */
function checkLegacyQcow2(config: BuildConfig): readonly BuildError[] {
  const options = config.qemuImgOptions.split(",");
  const isLegacy = options.some((option) => option === "compat=0.10" || option === "compat=v2");
  const isZstd = options.includes("compression_type=zstd");
  return isLegacy && isZstd
    ? [
        broken(
          config,
          "qemuImgOptions",
          config.qemuImgOptions,
          "compat=0.10 knows no zstd.",
          "Leave out compression_type.",
        ),
      ]
    : [];
}
