/** Reads image definitions, and says all that is wrong with them before anything is built. */
import { readFile } from "node:fs/promises";
import { TextDecoder } from "node:util";
import {
  BuildError,
  isBuildError,
  nearest,
  parseYaml,
  shownValue,
  throwFindings,
  type ParsedYaml,
  type Place,
} from "@dibjs/core";
import { properties, type Property } from "./properties.js";

/** One entry of a file: what it has of the properties. */
export type Entry = Readonly<Record<string, unknown>>;

const known = new Map(properties.map((property) => [property.key, property]));

/**
 * The entries of all files in their order. Throws DEFINITION_UNREADABLE, DEFINITION_KEY_UNKNOWN and
 * DEFINITION_VALUE_INVALID; SEVERAL_FINDINGS for more than one.
 */
export async function readDefinitions(files: readonly string[]): Promise<Entry[]> {
  const findings: BuildError[] = [];
  const entries: Entry[] = [];
  for (const file of files) {
    try {
      const parsed = await readDefinition(file);
      findings.push(...findingsOf(parsed));
      entries.push(...(parsed.value as Entry[]));
    } catch (error) {
      if (!isBuildError(error)) throw error;
      findings.push(error);
    }
  }
  throwFindings(findings.slice(0, maxFindings));
  return entries;
}

const maxFindings = 20;

/** The list that a file holds. */
async function readDefinition(file: string): Promise<ParsedYaml> {
  const text = decode(
    file,
    await readFile(file).catch((error: unknown) => Promise.reject(unreadable({ file }, error))),
  );
  const parsed = await parseYaml(file, text, "python").catch((error: unknown) => {
    if (!isBuildError(error) || error.code !== "CONFIG_UNREADABLE") throw error;
    const { place, reason } = error.context as { place: Place; reason: string };
    throw unreadable(place, error, reason);
  });
  if (Array.isArray(parsed.value)) return parsed;
  const isEmpty = parsed.value === null || parsed.value === undefined;
  const reason = isEmpty ? "the file is empty" : `the file holds ${shownValue(parsed.value)}, and no list`;
  throw unreadable(isEmpty ? { file } : parsed.placeOf([]), undefined, reason);
}

function decode(file: string, bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (error) {
    throw unreadable({ file }, error, "it is no UTF-8 text");
  }
}

const unreadable = (place: Place, cause: unknown, reason = reasons[(cause as NodeJS.ErrnoException).code ?? ""]) =>
  new BuildError("DEFINITION_UNREADABLE", { place, reason: reason ?? String(cause) }, { cause });

const reasons: Readonly<Record<string, string>> = {
  ENOENT: "there is no such file",
  EISDIR: "it is a folder",
  EACCES: "it may not be read",
};

function findingsOf({ value, placeOf }: ParsedYaml): BuildError[] {
  return (value as unknown[]).flatMap((entry, index) => {
    if (isMap(entry)) return Object.entries(entry).flatMap(([key, each]) => check(key, each, index, placeOf));
    const context = { place: placeOf([index]), key: `entry ${index + 1}`, value: shownValue(entry) };
    return [new BuildError("DEFINITION_VALUE_INVALID", { ...context, expected: "a map" })];
  });
}

const isMap = (value: unknown): value is Entry => typeof value === "object" && value !== null && !Array.isArray(value);

function check(key: string, value: unknown, index: number, placeOf: ParsedYaml["placeOf"]): BuildError[] {
  const property = known.get(key);
  if (property === undefined) {
    const keys = [...known.keys()];
    const place = placeOf([index, key], "key");
    return [new BuildError("DEFINITION_KEY_UNKNOWN", { place, key, nearest: nearest(key, keys), known: keys })];
  }
  if (property.isValid(value)) return [];
  const { at, value: wrong } = wrongPart(property, value);
  return [
    new BuildError("DEFINITION_VALUE_INVALID", {
      place: placeOf([index, key, ...at]),
      key: [key, ...at].join("."),
      value: shownValue(wrong),
      expected: (at.length > 0 ? property.expectedOfPart : undefined) ?? property.expected,
      hint: property.hint?.(value),
    }),
  ];
}

/** The first part of a list or map without which it would be valid; the value itself when there is none. */
function wrongPart({ isValid }: Property, value: unknown): { at: readonly PropertyKey[]; value: unknown } {
  if (Array.isArray(value)) {
    const index = value.findIndex((item) => !isValid([item]));
    if (index !== -1 && isValid([])) return { at: [index], value: value[index] as unknown };
  } else if (isMap(value)) {
    const found = Object.entries(value).find(([name, each]) => !isValid({ [name]: each }));
    if (found !== undefined && isValid({})) return { at: [found[0]], value: found[1] };
  }
  return { at: [], value };
}
