import { join } from "node:path";
import { BuildError, type ElementApi, type PhaseRun } from "@dibjs/core";
import { parse } from "yaml";
import { readIfThere } from "./package-installs.js";
import { families } from "./package-map.js";

/** Service → distribution, family or `default` → what it is called there. */
type ServiceMap = Readonly<Record<string, Readonly<Record<string, string>> | null>>;

/** Adds one element's svc-map to the services of all. Throws ELEMENT_FILE_INVALID for a service that two elements define. */
export function addServices(services: Map<string, string>, map: ServiceMap, element: string, distro: string): void {
  for (const [service, names] of Object.entries(map)) {
    if (services.has(service)) {
      throw new BuildError("ELEMENT_FILE_INVALID", {
        element,
        file: "svc-map",
        reason: `another element defines the service ${service} already`,
      });
    }
    services.set(service, names?.[distro] ?? names?.[families[distro] ?? ""] ?? names?.default ?? service);
  }
}

/** One flat file in the target, `service: name` a line, that bin/svc-map reads. */
export function setUpServiceMap({ addScript }: ElementApi): void {
  addScript("extra-data", "10-merge-svc-map-files", async ({ elementFolders, env, target }: PhaseRun) => {
    const services = new Map<string, string>();
    for (const [element, folder] of elementFolders) {
      const text = await readIfThere(join(folder, "svc-map"));
      if (text !== undefined) addServices(services, (parse(text) ?? {}) as ServiceMap, element, env.DISTRO_NAME ?? "");
    }
    const lines = [...services].map(([service, name]) => `${service}: ${name}\n`);
    await target.write("/usr/share/svc-map/services", lines.join(""));
  });
}
