import { existsSync } from "node:fs";
import { join } from "node:path";
import type { ElementManifest } from "@dibjs/core";
import { filesUnder, readJson, root } from "./source.js";

export interface FirstPartyElement {
  readonly name: string;
  /** Relative to the repository. */
  readonly folder: string;
}

const manifests = filesUnder("packages").filter((file) => /^packages\/element-[^/]+\/package\.json$/.test(file));

/** Every element of our packages, by their manifests. */
export const elements: readonly FirstPartyElement[] = manifests.flatMap((file) => {
  const { dib } = readJson<{ dib: ElementManifest }>(file);
  return Object.entries(dib.elements).map(([name, folder]) => ({ name, folder: join(file, "..", folder) }));
});

export const exists = (file: string): boolean => existsSync(join(root, file));
