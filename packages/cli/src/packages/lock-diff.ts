import type { LockedPackage } from "@dibjs/core";

export interface ChangedPackage {
  readonly name: string;
  /** Versions that went. */
  readonly before: readonly string[];
  /** What came. */
  readonly now: readonly LockedPackage[];
}

const identity = ({ name, version, integrity }: LockedPackage): string => `${name}@${version} ${integrity}`;

/** What two states of a lock file differ in, by package name. */
export function diffPackages(
  before: readonly LockedPackage[],
  now: readonly LockedPackage[],
): readonly ChangedPackage[] {
  const old = new Set(before.map(identity));
  const current = new Set(now.map(identity));
  const gone = before.filter((each) => !current.has(identity(each)));
  const come = now.filter((each) => !old.has(identity(each)));
  const names = [...new Set([...gone, ...come].map(({ name }) => name))].sort();
  return names.map((name) => ({
    name,
    before: versionsOf(gone.filter((each) => each.name === name)),
    now: distinct(come.filter((each) => each.name === name)),
  }));
}

const versionsOf = (packages: readonly LockedPackage[]): readonly string[] => [
  ...new Set(packages.map(({ version }) => version)),
];

const distinct = (packages: readonly LockedPackage[]): readonly LockedPackage[] => [
  ...new Map(packages.map((each) => [identity(each), each])).values(),
];
