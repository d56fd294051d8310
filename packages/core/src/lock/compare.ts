/** What differs between a lock's entry and what there is now, each thing by its name. */
import { compareBytes } from "../phases/order.js";
import type { LockedElement, LockedFile, LockEntry } from "./lock.js";

export interface LockDifference {
  readonly part: "architecture" | "element" | "file" | "git" | "suite" | "package";
  readonly name: string;
  /** As text; undefined when the lock does not have it. */
  readonly locked: string | undefined;
  /** As text; undefined when it is gone. */
  readonly now: string | undefined;
}

/** What a build fetched and installed. */
export type Gathered = Pick<LockEntry, "files" | "git" | "apt" | "packages">;
/** What is known before it. */
export type Chosen = Pick<LockEntry, "arch" | "elements">;

export function compareChosen(locked: Chosen, now: Chosen): LockDifference[] {
  return [
    ...compareMaps("architecture", { "": locked.arch }, { "": now.arch }, (arch) => arch),
    ...compareMaps("element", locked.elements, now.elements, describeElement),
  ];
}

export function compareGathered(locked: Gathered, now: Gathered): LockDifference[] {
  const packages = compareMaps("package", locked.packages, now.packages, (version) => version);
  const files = compareMaps("file", locked.files, now.files, describeFile);
  const suites = compareMaps("suite", locked.apt, now.apt, ({ date, sha256 }) => `${date} (sha256 ${sha256})`);
  const arePackagesKnown = Object.keys(locked.packages).length > 0;
  return [
    // A locked file that was not fetched is none: where the host has an archive's keys, a build fetches none.
    ...files.filter((each) => each.now !== undefined),
    ...compareMaps("git", locked.git, now.git, (commit) => commit),
    // A mirror moves on several times a day. While it gives the very packages of the lock, that changes nothing.
    ...suites.filter((each) => packages.length > 0 || !arePackagesKnown || isOneSided(each)),
    ...packages,
  ];
}

const isOneSided = ({ locked, now }: LockDifference): boolean => locked === undefined || now === undefined;

/** `describe` gives the same text for what counts as the same. */
function compareMaps<T>(
  part: LockDifference["part"],
  locked: Readonly<Record<string, T>>,
  now: Readonly<Record<string, T>>,
  describe: (value: T, other: T | undefined) => string,
): LockDifference[] {
  const [before, after] = [new Map(Object.entries(locked)), new Map(Object.entries(now))];
  const names = [...new Set([...before.keys(), ...after.keys()])].sort(compareBytes);
  const text = (value: T | undefined, other: T | undefined) =>
    value === undefined ? undefined : describe(value, other);
  return names
    .map((name) => ({
      part,
      name,
      locked: text(before.get(name), after.get(name)),
      now: text(after.get(name), before.get(name)),
    }))
    .filter((each) => each.locked !== each.now);
}

export const describeFile = ({ sha256 }: Pick<LockedFile, "sha256">): string => `sha256 ${sha256}`;

const elementFields = ["version", "package", "source", "integrity", "digest"] as const;

/** By the field that says most: a new version has a new digest, too. Empty when the two are the same. */
function describeElement(element: LockedElement, other: LockedElement | undefined): string {
  if (other === undefined) return element.version;
  const field = elementFields.find((name) => isDifferent(element[name], other[name], name));
  if (field === undefined) return "";
  return field === "version" ? element.version : `${field} ${element[field] ?? "none"}`;
}

/** Not every package manager tells the integrity; the digest counts in any case. */
const isDifferent = (one: string | undefined, other: string | undefined, field: string): boolean =>
  one !== other && (field !== "integrity" || (one !== undefined && other !== undefined));
