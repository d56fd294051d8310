import type { TargetFiles } from "../workspace/target.js";
import type { BuildReport } from "./report.js";

/** Installed packages from dpkg's status file (deb822 paragraphs); empty for other package managers. */
export async function readPackages(target: TargetFiles): Promise<BuildReport["packages"]> {
  const status = await target.read("/var/lib/dpkg/status");
  return parseStatus(status ?? "");
}

export function parseStatus(status: string): BuildReport["packages"] {
  return status
    .split(/\n\n+/)
    .map((paragraph) => {
      const field = (name: string) => new RegExp(`^${name}: (.*)$`, "m").exec(paragraph)?.[1] ?? "";
      return {
        name: field("Package"),
        version: field("Version"),
        arch: field("Architecture"),
        isInstalled: field("Status").endsWith(" installed"),
      };
    })
    .filter(({ name, isInstalled }) => name !== "" && isInstalled)
    .map(({ name, version, arch }) => ({ name, version, arch }));
}
