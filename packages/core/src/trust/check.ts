/** What a policy says of packages. Pure: each check gives its findings, and the caller throws them together. */
import { BuildError } from "../errors.js";
import type { LockedPackage, PackageLock } from "./locked-package.js";
import type { Policy } from "./policy.js";

const label = ({ name, version }: Pick<LockedPackage, "name" | "version">): string => `${name}@${version}`;

const scopeOf = (name: string): string => (name.startsWith("@") ? name.slice(0, name.indexOf("/")) : "");

const withSlash = (url: string): string => (url.endsWith("/") ? url : `${url}/`);

/** The registry that a package must come from; undefined when any will do. */
export function boundRegistry({ registries }: Pick<Policy, "registries">, name: string): string | undefined {
  const scope = scopeOf(name);
  return Object.hasOwn(registries, scope) ? withSlash(registries[scope] ?? "") : undefined;
}

/**
 * REGISTRY_FOREIGN for each package of a bound scope that came from anywhere else. `configured` is where the package
 * manager takes a name from when the lock file does not say.
 */
export function checkRegistries(
  policy: Pick<Policy, "registries">,
  packages: readonly LockedPackage[],
  configured: (name: string) => string = () => "an unknown place",
): BuildError[] {
  return packages.flatMap((each) => {
    const registry = boundRegistry(policy, each.name);
    if (registry === undefined || each.isLink === true) return [];
    const source = each.resolved ?? withSlash(configured(each.name));
    const isInside = URL.canParse(source) && new URL(source).href.startsWith(new URL(registry).href);
    return isInside ? [] : [new BuildError("REGISTRY_FOREIGN", { package: label(each), source, registry })];
  });
}

/** INTEGRITY_MISSING for each package from a registry that the lock file has no integrity for. */
export const checkIntegrities = (packages: readonly LockedPackage[], file: string): BuildError[] =>
  packages
    .filter(({ integrity, isLink }) => integrity === undefined && isLink !== true)
    .map((each) => new BuildError("INTEGRITY_MISSING", { package: label(each), file }));

/** PACKAGE_LOCK_STALE for each installed package of which the lock file has other versions only, or none. */
export function checkInstalledVersions(
  installed: readonly Pick<LockedPackage, "name" | "version">[],
  { packages, file }: PackageLock,
): BuildError[] {
  return installed.flatMap((each) => {
    const locked = packages.filter(({ name }) => name === each.name);
    const isAsLocked = locked.some(({ version, isLink }) => version === each.version || isLink === true);
    const versions = locked.map(({ version }) => version);
    return isAsLocked ? [] : [new BuildError("PACKAGE_LOCK_STALE", { package: label(each), locked: versions, file })];
  });
}

export interface Release {
  readonly name: string;
  readonly version: string;
  /** ISO date; undefined when the registry does not say. */
  readonly published: string | undefined;
}

/** RELEASE_TOO_NEW for versions that are younger than the policy wants, or whose age nobody can tell. */
export function checkReleaseAges(
  policy: Pick<Policy, "minimumReleaseAge" | "minimumReleaseAgeExclude">,
  releases: readonly Release[],
  now: Date,
): BuildError[] {
  const { minimumReleaseAge: minimumMinutes } = policy;
  if (minimumMinutes === 0) return [];
  return releases
    .filter(({ name }) => !isExcluded(policy, name))
    .flatMap((release) => {
      const reason = ageFlaw(release.published, minimumMinutes, now);
      if (reason === undefined) return [];
      return [
        new BuildError("RELEASE_TOO_NEW", {
          package: label(release),
          published: release.published,
          minimumMinutes,
          reason,
        }),
      ];
    });
}

export const isExcluded = (
  { minimumReleaseAgeExclude }: Pick<Policy, "minimumReleaseAgeExclude">,
  name: string,
): boolean => minimumReleaseAgeExclude.some((entry) => entry === name || entry === `${scopeOf(name)}/*`);

function ageFlaw(published: string | undefined, minimumMinutes: number, now: Date): string | undefined {
  if (published === undefined) return "the registry does not say when it was published";
  const minutes = (now.getTime() - Date.parse(published)) / 60_000;
  if (Number.isNaN(minutes)) return `"${published}" is no date of publication`;
  if (minutes < 0) return `it was published in the future (${published})`;
  return minutes < minimumMinutes ? `it was published ${Math.floor(minutes)} minutes ago` : undefined;
}

/** Only this very content: an approval of another version, or of another integrity, is none. */
export const isApproved = (
  { approved }: Pick<Policy, "approved">,
  { name, version, integrity }: LockedPackage,
): boolean => {
  const key = `${name}@${version}`;
  return integrity !== undefined && Object.hasOwn(approved, key) && approved[key] === integrity;
};
