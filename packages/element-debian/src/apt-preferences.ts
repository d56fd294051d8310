import { readFile } from "node:fs/promises";
import { BuildError, type ElementApi } from "@dibjs/core";

/** One pin per package of a dpkg manifest; above 1000, so that apt also goes back to an older version. */
function formatPreferences(packages: readonly { readonly package: string; readonly version: string }[]): string {
  return packages
    .map((each) => `Package: ${each.package}\nPin: version ${each.version}\nPin-Priority: 1001\n`)
    .join("\n");
}

export function setUpAptPreferences({ addScript }: ElementApi): void {
  addScript("extra-data", "99-set-apt-package-pins", async ({ env, log, target }) => {
    const file = env.DIB_DPKG_MANIFEST;
    if (!file) return log("DIB_DPKG_MANIFEST is not set: no package is pinned");
    const packages = await readManifest(file);
    if (packages.length > 0) await target.write("/etc/apt/preferences", formatPreferences(packages));
  });
}

/** Throws ELEMENT_FILE_INVALID. */
async function readManifest(file: string): Promise<readonly { package: string; version: string }[]> {
  try {
    const { packages } = JSON.parse(await readFile(file, "utf8")) as { packages?: unknown };
    if (Array.isArray(packages)) return packages as { package: string; version: string }[];
    throw new Error('it has no list "packages"');
  } catch (error) {
    const reason = `DIB_DPKG_MANIFEST must name a dpkg manifest: ${error instanceof Error ? error.message : String(error)}`;
    throw new BuildError("ELEMENT_FILE_INVALID", { element: "apt-preferences", file, reason });
  }
}
