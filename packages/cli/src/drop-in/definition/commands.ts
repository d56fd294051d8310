/** From entries to the commands that build their images. */
import { credentialsIn, isSecretName, shellWord } from "@dibjs/core";
import { properties } from "./properties.js";
import type { Entry } from "./read.js";

export interface ImageCommand {
  readonly program: "disk-image-create" | "ramdisk-image-create";
  readonly image: string;
  readonly args: readonly string[];
  /** Beside the caller's. */
  readonly environment: Readonly<Record<string, string>>;
}

/** One for each name, in the order in which the names first come. */
export const toCommands = (entries: readonly Entry[]): ImageCommand[] =>
  [...mergeEntries(entries)].map(([image, entry]) => ({
    program: entry.ramdisk === true ? "ramdisk-image-create" : "disk-image-create",
    image,
    args: properties.flatMap(({ key, toArguments }) => (key in entry ? toArguments(entry[key] as never) : [])),
    environment: (entry.environment ?? {}) as ImageCommand["environment"],
  }));

/** An entry without a name has that of the one before it. */
function mergeEntries(entries: readonly Entry[]): ReadonlyMap<string, Entry> {
  const merged = new Map<string, Entry>();
  let name = "image";
  for (const entry of entries) {
    if (typeof entry.imagename === "string") name = entry.imagename;
    merged.set(name, mergeEntry(merged.get(name) ?? {}, entry));
  }
  return merged;
}

/** Lists grow, maps are joined, all else is replaced. */
export const mergeEntry = (before: Entry, entry: Entry): Entry => ({
  ...before,
  ...Object.fromEntries(Object.entries(entry).map(([key, value]) => [key, mergeValue(before[key], value)])),
});

function mergeValue(before: unknown, value: unknown): unknown {
  if (Array.isArray(value)) return [...((before ?? []) as unknown[]), ...(value as unknown[])];
  return typeof value === "object" ? { ...(before as Entry | undefined), ...value } : value;
}

/** As a person would type it, in one line. A secret is not shown. */
export const formatCommand = ({ program, args, environment }: ImageCommand): string =>
  [
    ...Object.entries(environment).map(([name, value]) => `${name}=${shown(name, value)}`),
    program,
    ...args.map(shellWord),
  ].join(" ");

const shown = (name: string, value: string): string =>
  isSecretName(name)
    ? "***"
    : shellWord(credentialsIn(value).reduce((text, secret) => text.replaceAll(secret, "***"), value));
