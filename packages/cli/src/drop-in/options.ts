/** The options of disk-image-create and ramdisk-image-create: how they are written, what they say in --help, and what they set. */
import type { Flags } from "@dibjs/core";
import type { CommandLine, OptionNames } from "./getopt.js";

/** What a command line asks for. */
export interface Asked {
  readonly flags: Flags;
  /** How often `-x` was given: it adds to DIB_DEBUG_TRACE. */
  readonly traces: number;
  readonly clearsEnvironment: boolean;
  readonly logFile: string | undefined;
  /** What is told instead of building. */
  readonly tells: "help" | "version" | undefined;
}

export interface DropInOption extends OptionNames {
  readonly help: string;
  readonly set: (value: string, asked: Asked) => Partial<Asked>;
}

/** A later one of the same setting replaces what an earlier one said. */
const flag =
  (setting: keyof Flags, fixed?: string | boolean): DropInOption["set"] =>
  (value, { flags }) => ({ flags: { ...flags, [setting]: fixed ?? value } });

/** Commas and spaces both separate packages, and every -p adds some. */
const addPackages: DropInOption["set"] = (value, { flags }) => {
  const before = flags.packages as readonly string[] | undefined;
  return { flags: { ...flags, packages: [...(before ?? []), ...value.split(/[\s,]+/).filter(Boolean)] } };
};

const tell =
  (what: "help" | "version"): DropInOption["set"] =>
  () => ({ tells: what });

export const dropInOptions: readonly DropInOption[] = [
  { short: "a", takes: "ARCH", help: "architecture of the image (default: this host's)", set: flag("arch") },
  { short: "o", takes: "NAME", help: "name of the outputs, without an ending (default: image)", set: flag("output") },
  { short: "t", takes: "TYPE[,TYPE...]", help: "types of the outputs (default: qcow2)", set: flag("formats") },
  { short: "x", help: "trace scripts; twice for more", set: (_, { traces }) => ({ traces: traces + 1 }) },
  { short: "u", help: "do not compress qcow2", set: flag("qcow2Compression", "none") },
  { short: "c", help: "clear the environment before starting work", set: () => ({ clearsEnvironment: true }) },
  { short: "n", help: "leave the base element out", set: flag("base", false) },
  { short: "p", takes: "PKG[,PKG...]", help: "packages to install; may be repeated", set: addPackages },
  { long: "checksum", help: "write md5 and sha256 files of the outputs", set: flag("checksums", "1") },
  { long: "image-size", takes: "GIB", help: "size of the disk (default: computed)", set: flag("imageSizeGiB") },
  {
    long: "image-extra-size",
    takes: "MIB",
    help: "room added to the content instead of a share of it",
    set: flag("imageExtraSizeMiB"),
  },
  { long: "image-cache", takes: "DIR", help: "cache (default: ~/.cache/image-create)", set: flag("cacheDir") },
  {
    long: "max-online-resize",
    takes: "BLOCKS",
    help: "how far the root file system can grow while mounted",
    set: flag("maxOnlineResize"),
  },
  { long: "min-tmpfs", takes: "GIB", help: "memory needed to build in tmpfs (default: 2)", set: flag("minTmpfsGiB") },
  {
    long: "mkfs-journal-size",
    takes: "MIB",
    help: "journal of the root file system (default: 64)",
    set: flag("mkfsJournalSizeMiB"),
  },
  { long: "mkfs-options", takes: "OPTIONS", help: "options of mkfs for the root", set: flag("mkfsOptions") },
  { long: "no-tmpfs", help: "never build in tmpfs", set: flag("useTmpfs", false) },
  { long: "offline", help: "elements use what they have cached", set: flag("offline", true) },
  { long: "qemu-img-options", takes: "KEY=VALUE[,...]", help: "options of qemu-img", set: flag("qemuImgOptions") },
  { long: "root-label", takes: "LABEL", help: "label of the root file system", set: flag("rootLabel") },
  {
    long: "ramdisk-element",
    takes: "ELEMENT",
    help: "the element that makes a ramdisk (default: ramdisk)",
    set: flag("ramdiskElement"),
  },
  { long: "install-type", takes: "TYPE", help: "source or package (default: source)", set: flag("installType") },
  {
    long: "docker-target",
    takes: "REPO[:TAG]",
    help: "name of a container image (default: that of the output)",
    set: flag("dockerTarget"),
  },
  {
    long: "logfile",
    takes: "FILE",
    help: "append the log to FILE; implies DIB_QUIET=1",
    set: (logFile) => ({ logFile }),
  },
  { short: "h", long: "help", help: "show this help", set: tell("help") },
  { long: "version", help: "show the version", set: tell("version") },
];

const nothing: Asked = { flags: {}, traces: 0, clearsEnvironment: false, logFile: undefined, tells: undefined };

/** In the order given; the first option that only tells something ends it. */
export function readOptions({ options }: Pick<CommandLine, "options">): Asked {
  let asked = nothing;
  for (const { name, value } of options) {
    const option = dropInOptions.find(({ short, long }) => name === `-${short}` || name === `--${long}`);
    asked = { ...asked, ...option?.set(value, asked) };
    if (asked.tells !== undefined) break;
  }
  return asked;
}
