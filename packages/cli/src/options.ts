/** Options that say what to build: shared by the commands that plan or build. DIB's by DIB's names, then ours. */
import type { Command } from "commander";
import { Option } from "commander";
import type { Flags, LoadRequest } from "@dibjs/core";

interface SettingOption {
  readonly flags: string;
  readonly description: string;
  readonly setting: keyof Flags;
  /** What the setting becomes. @default the text as typed */
  readonly value?: Flags[keyof Flags];
  readonly choices?: readonly string[];
}

const dibSettings: readonly SettingOption[] = [
  { flags: "-a <arch>", description: "architecture of the image", setting: "arch" },
  { flags: "-o <name>", description: "name of the output, folders allowed, without an ending", setting: "output" },
  { flags: "-t <formats>", description: "output formats, separated by commas", setting: "formats" },
  { flags: "-u", description: "do not compress qcow2", setting: "qcow2Compression", value: "none" },
  { flags: "-n", description: "leave the base element out", setting: "base", value: false },
  { flags: "--checksum", description: "write md5 and sha256 files", setting: "checksums", value: "1" },
  { flags: "--image-size <GiB>", description: "size of the disk, computed without it", setting: "imageSizeGiB" },
  { flags: "--image-extra-size <MiB>", description: "added to the computed size", setting: "imageExtraSizeMiB" },
  { flags: "--image-cache <dir>", description: "cache folder", setting: "cacheDir" },
  {
    flags: "--max-online-resize <blocks>",
    description: "how far the file system can grow while mounted",
    setting: "maxOnlineResize",
  },
  { flags: "--min-tmpfs <GiB>", description: "memory needed to build in tmpfs", setting: "minTmpfsGiB" },
  {
    flags: "--mkfs-options <options>",
    description: "options of mkfs for the root file system",
    setting: "mkfsOptions",
  },
  { flags: "--mkfs-journal-size <MiB>", description: "size of the journal", setting: "mkfsJournalSizeMiB" },
  { flags: "--no-tmpfs", description: "never build in tmpfs", setting: "useTmpfs", value: false },
  { flags: "--offline", description: "elements use what they have cached", setting: "offline", value: true },
  { flags: "--qemu-img-options <options>", description: "KEY=VALUE,… for qemu-img convert", setting: "qemuImgOptions" },
  {
    flags: "--docker-target <name:tag>",
    description: "name of a container image, the output's without it",
    setting: "dockerTarget",
  },
  { flags: "--root-label <label>", description: "label of the root file system", setting: "rootLabel" },
  { flags: "--ramdisk-element <name>", description: "the element that makes a ramdisk", setting: "ramdiskElement" },
  { flags: "--install-type <type>", description: "source or package", setting: "installType" },
];

const ourSettings: readonly SettingOption[] = [
  {
    flags: "--compression <how>",
    description: "of qcow2",
    setting: "qcow2Compression",
    choices: ["zstd", "zlib", "none"],
  },
  { flags: "--fs-type <type>", description: "root file system", setting: "fsType" },
  { flags: "--block-device <layout>", description: "file://PATH or YAML", setting: "blockDevice" },
  { flags: "--sector-size <bytes>", description: "512 or 4096", setting: "sectorSizeBytes" },
  { flags: "--ramdisk", description: "make a ramdisk instead of a disk image", setting: "ramdisk", value: true },
  {
    flags: "--overwrite-old-image",
    description: "do not keep the old image aside",
    setting: "overwriteOldImage",
    value: true,
  },
  { flags: "--tmp-dir <dir>", description: "where the work folders are made", setting: "tmpDir" },
  { flags: "--lock-dir <dir>", description: "where locks lie", setting: "lockDir" },
  {
    flags: "--break <points>",
    description: "open a shell at before-PHASE, after-PHASE, after-error",
    setting: "breaks",
  },
  {
    flags: "--shell-on-error",
    description: "open a shell where a script failed",
    setting: "shellOnError",
    value: true,
  },
  { flags: "--keep", description: "keep the work folders", setting: "keep", value: true },
  { flags: "--no-cache", description: "neither use nor keep results of phases", setting: "layers", value: "none" },
  {
    flags: "--refresh",
    description: "run all phases, and keep their results anew",
    setting: "layers",
    value: "refresh",
  },
  { flags: "--cache-from <dir>", description: "take results of phases from there, too", setting: "cacheFrom" },
  { flags: "--cache-to <dir>", description: "leave results of phases there, packed", setting: "cacheTo" },
];

export const settingOptions: readonly SettingOption[] = [...dibSettings, ...ourSettings];

const toOption = ({ flags, description, choices }: SettingOption): Option => {
  const option = new Option(flags, description);
  return choices === undefined ? option : option.choices(choices);
};

/** Options as commander hands them over. */
export type Given = Readonly<Record<string, unknown>>;

const collect = (value: string, before: readonly string[] = []): readonly string[] => [...before, value];

export function addImageOptions(command: Command): Command {
  for (const each of dibSettings) command.addOption(toOption(each).helpGroup("DIB's options:"));
  command
    .addOption(new Option("-x", "trace scripts; twice for more").helpGroup("DIB's options:"))
    .addOption(
      new Option("-p <packages>", "packages to install, separated by commas; may be repeated")
        .argParser(collect)
        .helpGroup("DIB's options:"),
    );
  // commander calls no parser for an option without a value, so the number of -x is counted here.
  command.on("option:x", () => command.setOptionValue("traces", Number(command.getOptionValue("traces") ?? 0) + 1));
  for (const each of ourSettings) command.addOption(toOption(each));
  return addConfigOptions(command)
    .option("--image <name>", "which of the config's images; all without it", collect)
    .option("--env <name[=value]>", "hand a variable on to scripts; may be repeated", collect);
}

/** Options that say where elements and settings come from. */
export function addConfigOptions(command: Command): Command {
  return command
    .option("--config <file>", "config file; dib.config.* is searched without it")
    .option("--elements-path <dir>", "folder of elements, searched first; may be repeated", collect);
}

/** What the command line asks of core. Throws USAGE_INVALID. */
export async function toLoadRequest(elements: readonly string[], given: Given): Promise<LoadRequest> {
  const { bundledElements } = await import("./bundled.js");
  const paths = (given.elementsPath as readonly string[] | undefined)?.flatMap((path) => path.split(":"));
  return {
    cwd: process.cwd(),
    elements,
    flags: flagsOf(given),
    variables: given.env as readonly string[] | undefined,
    images: given.image as readonly string[] | undefined,
    configFile: given.config as string | undefined,
    elementPaths: paths,
    bundled: await bundledElements(),
    args: process.argv.slice(3),
  };
}

export function flagsOf(given: Given): Flags {
  const flags: { -readonly [K in keyof Flags]: Flags[K] } = {};
  // -u comes before --compression in the table, which is more particular.
  for (const option of settingOptions) {
    const typed = given[toOption(option).attributeName()];
    const isGiven = option.flags.startsWith("--no-") ? typed === false : typed !== undefined;
    if (isGiven) flags[option.setting] = option.value ?? (typed as string);
  }
  const packages = given.p as readonly string[] | undefined;
  if (packages !== undefined) flags.packages = packages.join(",");
  if (given.traces !== undefined) flags.debugTrace = String(given.traces);
  return flags;
}
