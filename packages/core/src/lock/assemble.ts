import type { ElementSet } from "../elements/element.js";
import type { BuildPlan } from "../plan/plan.js";
import type { BuildReport } from "../report/report.js";
import type { Chosen, Gathered } from "./compare.js";
import type { Integrities } from "./integrity.js";
import type { LockedElement } from "./lock.js";

export function lockChosen(
  { arch, elements }: Pick<BuildPlan, "arch" | "elements">,
  set: ElementSet,
  integrities: Integrities,
): Chosen {
  const installed = new Map(set.elements.map(({ name, package: from, version }) => [name, `${from?.name}@${version}`]));
  const locked = elements.map(({ name, version, source, package: from, digest }): [string, LockedElement] => {
    const integrity = integrities.get(installed.get(name) ?? "");
    return [
      name,
      {
        version,
        source,
        digest,
        ...(from === undefined ? {} : { package: from }),
        ...(integrity === undefined ? {} : { integrity }),
      },
    ];
  });
  return { arch, elements: Object.fromEntries(locked) };
}

export function lockGathered({ sources, packages }: Pick<BuildReport, "sources" | "packages">): Gathered {
  return {
    files: Object.fromEntries(sources.files.map(({ url, sizeBytes, sha256 }) => [url, { sizeBytes, sha256 }])),
    git: Object.fromEntries(sources.git.map(({ url, ref, commit }) => [gitKey(url, ref), commit])),
    apt: Object.fromEntries(sources.apt.map(({ suite, date, sha256 }) => [suite, { date, sha256 }])),
    packages: Object.fromEntries(packages.map(({ name, arch, version }) => [`${name}:${arch}`, version])),
  };
}

export const gitKey = (url: string, ref: string): string => `${url} ${ref}`;
