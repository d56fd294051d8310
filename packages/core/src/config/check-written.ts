/** What is wrong with a config file, said with place, value and what was expected. */
import type { z } from "zod";
import { BuildError, type Place } from "../errors.js";
import { nearest } from "../nearest.js";
import type { ConfigFile } from "./file.js";
import type { KeyPath } from "./parse-yaml.js";
import { settings, settingNames } from "./settings.js";
import { shownValue } from "./shown.js";
import { imageKeys, topLevelKeys, writtenConfig, type WrittenConfig } from "./written.js";

/** Every finding of a config file: CONFIG_KEY_UNKNOWN, CONFIG_VALUE_INVALID; and the config when there is none. */
export function checkWritten({ value, placeOf }: Pick<ConfigFile, "value" | "placeOf">): {
  written: WrittenConfig;
  findings: readonly BuildError[];
} {
  const strange = findStrange(value, placeOf);
  if (strange.length > 0) return { written: {}, findings: strange };
  const { success, data, error } = writtenConfig.safeParse(value);
  if (success) return { written: data, findings: [] };
  return {
    written: {},
    findings: error.issues.flatMap(branchMeant).flatMap((issue) => findingsOf(issue, value, placeOf)),
  };
}

type Issue = z.core.$ZodIssue;

/**
 * Of a union, the complaint of the form that the person evidently meant: one about something inside the value, and the
 * shortest. A misspelt key also leaves the right one missing, which is not worth saying.
 */
function branchMeant(issue: Issue): readonly Issue[] {
  if (issue.code !== "invalid_union") return [issue];
  const isInside = ({ path, code }: Issue) => path.length > 0 || code === "unrecognized_keys";
  const [meant] = issue.errors
    .filter((branch) => branch.length > 0 && branch.every(isInside))
    .sort((a, b) => a.length - b.length);
  if (meant === undefined) return [issue];
  const unknown = meant.filter(({ code }) => code === "unrecognized_keys");
  return (unknown.length > 0 ? unknown : meant).flatMap((inner) =>
    branchMeant({ ...inner, path: [...issue.path, ...inner.path] }),
  );
}

function findingsOf(issue: Issue, value: unknown, placeOf: ConfigFile["placeOf"]): readonly BuildError[] {
  if (issue.code === "unrecognized_keys") {
    return issue.keys.map((key) => unknownKey(key, placeOf([...issue.path, key], "key"), nearestKey(key, issue.path)));
  }
  const key = issue.path.map(String).join(".") || "the config";
  return [
    new BuildError("CONFIG_VALUE_INVALID", {
      place: placeOf(issue.path),
      key,
      value: shownAt(value, issue.path),
      expected: issue.message,
    }),
  ];
}

/** Of a secret only its kind. */
function shownAt(value: unknown, path: KeyPath): string {
  const found = valueAt(value, path);
  const isShown = !path.includes("secret") || typeof found === "object" || found === undefined;
  return isShown ? shownValue(found) : `a ${typeof found}`;
}

const unknownKey = (key: string, place: Place, meant?: string) =>
  new BuildError("CONFIG_KEY_UNKNOWN", { place, key, nearest: meant });

const valueAt = (value: unknown, path: KeyPath): unknown =>
  path.reduce<unknown>(
    (at, key) => (typeof at === "object" && at !== null ? (at as Record<PropertyKey, unknown>)[key] : undefined),
    value,
  );

/** By spelling, and by DIB's names: `image-size` and `imagename` are what its users know. */
function nearestKey(key: string, path: KeyPath): string | undefined {
  if (path.length > 0 && topLevelKeys.includes(key) && !imageKeys.includes(key)) return undefined; // in the wrong place
  const known = knownKeys(path);
  const dib = Object.hasOwn(dibKeys, key)
    ? dibKeys[key]
    : settingNames.find((name) => settings[name].flag === `--${key}`);
  return dib !== undefined && known.includes(dib) ? dib : nearest(key, known);
}

const dibKeys: Readonly<Record<string, string>> = {
  imagename: "output",
  types: "formats",
  "skip-base": "base",
  "no-tmpfs": "tmpfs",
  "min-tmpfs": "tmpfs",
  uncompressed: "qcow2Compression",
  "debug-trace": "debugTrace",
};

function knownKeys(path: KeyPath): readonly string[] {
  if (path.length === 0) return topLevelKeys;
  if (path[0] === "images" && path.length === 2) return imageKeys;
  const within = path.findLast((key) => typeof key === "string" && Object.hasOwn(innerKeys, key));
  return within === undefined ? [] : (innerKeys[String(within)] ?? []);
}

const innerKeys: Readonly<Record<string, readonly string[]>> = {
  elements: ["name", "version", "options"],
  environment: ["fromEnv", "fromFile", "secret"],
  tmpfs: ["minGiB"],
};

const maxDepth = 50;

/** What no schema sees: keys that would reach a prototype, and values so deep, or circular, that reading them would not end. */
function findStrange(value: unknown, placeOf: ConfigFile["placeOf"], path: KeyPath = []): readonly BuildError[] {
  if (typeof value !== "object" || value === null) return [];
  if (path.length > maxDepth)
    return [
      new BuildError("CONFIG_UNREADABLE", {
        place: placeOf(path),
        reason: `it is nested deeper than ${maxDepth} levels`,
      }),
    ];
  const found: BuildError[] = [];
  for (const [key, inner] of Object.entries(value)) {
    const at = [...path, Array.isArray(value) ? Number(key) : key];
    if (key === "__proto__") found.push(unknownKey(key, placeOf(at, "key")));
    else found.push(...findStrange(inner, placeOf, at));
    if (found.length >= maxFindings) break;
  }
  return found;
}

const maxFindings = 20;
