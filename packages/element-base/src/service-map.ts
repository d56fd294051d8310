import { join } from "node:path";
import { BuildError, type ElementApi, type PhaseRun } from "@dibjs/core";
import { readIfThere } from "./package-installs.js";
import { families } from "./package-map.js";
import { parseMap } from "./parse-map.js";

interface MapFile {
  readonly element: string;
  /** Service → distribution, family or `default` → what it is called there. */
  readonly text: string;
}

/** Adds one element's svc-map to the services of all. Throws ELEMENT_FILE_INVALID, also for a service of two elements. */
export function addServices(
  services: Map<string, string>,
  { element, text }: MapFile,
  distro: string,
  log: (text: string) => void = () => {},
): void {
  const invalid = (reason: string) => new BuildError("ELEMENT_FILE_INVALID", { element, file: "svc-map", reason });
  const map = parseMap(text, invalid, (note) => log(`${element}: svc-map: ${note}`));
  for (const [service, names] of Object.entries(map)) {
    if (services.has(service)) throw invalid(`another element defines the service ${service} already`);
    if (!isNames(names)) throw invalid(`${service} must be a map of distribution, family or default to a name`);
    services.set(service, names?.[distro] ?? names?.[families[distro] ?? ""] ?? names?.default ?? service);
  }
}

const isNames = (names: unknown): names is Readonly<Record<string, string>> | null =>
  names === null ||
  (typeof names === "object" &&
    !Array.isArray(names) &&
    Object.values(names).every((name) => typeof name === "string"));

/** One flat file in the target, `service: name` a line, that bin/svc-map reads. */
export function setUpServiceMap({ addScript }: ElementApi): void {
  addScript("extra-data", "10-merge-svc-map-files", async ({ elementFolders, env, target, log }: PhaseRun) => {
    const services = new Map<string, string>();
    for (const [element, folder] of elementFolders) {
      const text = await readIfThere(join(folder, "svc-map"));
      if (text !== undefined) addServices(services, { element, text }, env.DISTRO_NAME ?? "", log);
    }
    const lines = [...services].map(([service, name]) => `${service}: ${name}\n`);
    await target.write("/usr/share/svc-map/services", lines.join(""));
  });
}
