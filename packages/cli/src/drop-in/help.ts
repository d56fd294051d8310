import { dropInOptions, type DropInOption } from "./options.js";
import type { ImageCommand } from "./request.js";

const widest = 30;

/** What `--help` prints. */
export function helpText(command: ImageCommand): string {
  return [
    `Usage: ${command} [OPTION]... ELEMENT...`,
    "",
    command === "disk-image-create"
      ? "Builds a disk image from elements, as the command of that name of diskimage-builder does."
      : "Builds a kernel and a ramdisk from elements, as the command of that name of diskimage-builder does.",
    "",
    "Options:",
    ...dropInOptions.flatMap(optionLines),
    "",
    "Environment (with many more, see docs/drop-in.md):",
    "  ELEMENTS_PATH     folders of elements, searched before those that come with dib",
    "  DIB_RELEASE       release of the distribution",
    "  DIB_QUIET         1: nothing on standard output; 0: the log there, beside --logfile",
    "  DIB_NO_TIMESTAMP  1: no time before the lines on standard output",
    "",
    "At least one element must provide an operating system.",
    "",
    "Examples:",
    command === "disk-image-create"
      ? "  disk-image-create -a amd64 -o debian-amd64 vm debian"
      : "  ramdisk-image-create -a amd64 -o debian-ramdisk debian",
    "",
  ].join("\n");
}

function optionLines({ short, long, takes, help }: DropInOption): readonly string[] {
  const names = [...(short === undefined ? [] : [`-${short}`]), ...(long === undefined ? [] : [`--${long}`])];
  const usage = `  ${names.join(", ")}${takes === undefined ? "" : ` ${takes}`}`;
  return usage.length < widest ? [`${usage.padEnd(widest)}${help}`] : [usage, `${" ".repeat(widest)}${help}`];
}
