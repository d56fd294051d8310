import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** A copy of this package in one process. */
export interface CoreCopy {
  readonly version: string;
  /** Absolute folder of the package. */
  readonly folder: string;
}

/** Of the core that runs; ends in a slash. */
export const coreFolder = fileURLToPath(new URL("../..", import.meta.url));

const { version } = JSON.parse(readFileSync(`${coreFolder}package.json`, "utf8")) as { version: string };

/** Of the core that runs. */
export const coreVersion = version;

const key = Symbol.for("@dibjs/core");
const registry = globalThis as { [key]?: CoreCopy[] };

/** Every copy of core that was loaded: a second one comes with an element that has its own. */
export const coreCopies = (): readonly CoreCopy[] => registry[key] ?? [];

if (!coreCopies().some(({ folder }) => folder === coreFolder))
  registry[key] = [...coreCopies(), { version, folder: coreFolder }];
