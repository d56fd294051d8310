import { join } from "node:path";
import { BuildError, type ElementApi, type PhaseRun } from "@dibjs/core";
import { readIfThere } from "./package-installs.js";

type Names = Readonly<Record<string, string>>;

/** An element's pkg-map file. A value is a list of real names separated by spaces; an empty one says: nothing to install. */
export interface PackageMap {
  readonly default?: Names;
  readonly family?: Readonly<Record<string, Names>>;
  readonly distro?: Readonly<Record<string, Names>>;
  readonly release?: Readonly<Record<string, Readonly<Record<string, Names>>>>;
}

/** Distribution → family, as DIB groups them; bin/pkg-map has the same table. */
export const families: Readonly<Record<string, string>> = {
  almalinux: "redhat",
  centos: "redhat",
  debian: "debian",
  fedora: "redhat",
  gentoo: "gentoo",
  openeuler: "redhat",
  opensuse: "suse",
  rhel: "redhat",
  rocky: "redhat",
  ubuntu: "debian",
};

/** The real names of packages: from the most special section that knows the name, else the name itself. */
export function mapPackages(
  names: readonly string[],
  map: PackageMap,
  env: Readonly<Record<string, string>>,
): string[] {
  const { DISTRO_NAME: distro = "", DIB_RELEASE: written = "" } = env;
  const release = written === "8-stream" ? "8" : written;
  const sections = [
    map.release?.[distro]?.[release],
    map.distro?.[distro],
    map.family?.[families[distro] ?? ""],
    map.default,
  ];
  return names.flatMap((name) => {
    const value = sections.find((section) => section?.[name] !== undefined)?.[name] ?? name;
    return value.split(/\s+/).filter(Boolean);
  });
}

/** The maps go into the target, where bin/pkg-map and the package steps read them. */
export function setUpPackageMap({ addScript }: ElementApi): void {
  addScript("extra-data", "10-create-pkg-map-dir", async ({ elementFolders, target }: PhaseRun) => {
    await target.makeFolder("/usr/share/pkg-map");
    for (const [element, folder] of elementFolders) {
      const text = await readIfThere(join(folder, "pkg-map"));
      if (text === undefined) continue;
      checkJson(text, element);
      await target.write(`/usr/share/pkg-map/${element}`, text);
    }
  });
}

function checkJson(text: string, element: string): void {
  try {
    JSON.parse(text);
  } catch (error) {
    throw new BuildError("ELEMENT_FILE_INVALID", {
      element,
      file: "pkg-map",
      reason: error instanceof Error ? error.message : String(error),
    });
  }
}
