/** What a `mkfs` node means: its file system, and the program that makes it. Pure but for the UUID that is drawn. */
import { randomBytes, randomUUID } from "node:crypto";
import type { NodeConfig } from "./node.js";
import { textOf } from "./written-text.js";

export interface FileSystem {
  readonly type: string;
  readonly label: string;
  readonly uuid: string;
  readonly opts: readonly string[];
}

/** `fat` is another word for vfat. */
export const fileSystemType = ({ type }: NodeConfig["values"]): string =>
  type === "fat" ? "vfat" : (textOf(type) ?? "");

/** What a `mkfs` node describes, with its defaults. A random UUID is drawn when none is written. */
export function fileSystemOf({ name, values }: NodeConfig): FileSystem {
  const type = fileSystemType(values);
  const uuid = textOf(values.uuid) ?? drawUuid(type);
  return { type, label: labelOf(name, values), uuid, opts: splitWords(values.opts) };
}

/** The label that a file system gets: by default the node's name; upper case where FAT knows nothing else. */
export function labelOf(name: string, values: Readonly<Record<string, unknown>>): string {
  const label = textOf(values.label) ?? name;
  return fileSystemType(values) === "vfat" ? label.toUpperCase() : label;
}

/** FAT has a serial number of 32 bits. */
function drawUuid(type: string): string {
  return type === "vfat" ? randomBytes(4).toString("hex").toUpperCase().replace(/^.{4}/, "$&-") : randomUUID();
}

/** Program and arguments; never a shell. */
export function mkfsCommand({ type, label, uuid, opts }: FileSystem, device: string): readonly [string, ...string[]] {
  switch (type) {
    case "swap":
      return ["mkswap", "-L", label, "-U", uuid, ...opts, device];
    case "vfat":
      return ["mkfs.vfat", ...opts, "-n", label, "-i", uuid.replace("-", ""), device];
    case "xfs":
      return ["mkfs.xfs", ...opts, "-L", label, "-m", `uuid=${uuid}`, "-q", device];
    case "ext2":
    case "ext3":
    case "ext4":
      return [`mkfs.${type}`, ...opts, "-L", label, "-U", uuid, "-q", device];
    case "btrfs":
      return ["mkfs.btrfs", ...opts, "-L", label, "-U", uuid, "-q", device];
    default:
      return [`mkfs.${type}`, ...opts, "-L", label, device];
  }
}

const word = /(?:[^\s"']|"[^"]*"|'[^']*')+/g;

/** Words as a shell splits them, quotes kept together, nothing expanded. A list is taken as it is. */
export function splitWords(written: unknown): readonly string[] {
  if (Array.isArray(written)) return written.map((part) => textOf(part) ?? "");
  return ((textOf(written) ?? "").match(word) ?? []).map((part) =>
    part.replace(/"([^"]*)"|'([^']*)'/g, (_, double?: string, single?: string) => double ?? single ?? ""),
  );
}
