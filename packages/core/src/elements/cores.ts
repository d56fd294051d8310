import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** A copy of this package in one process. */
export interface CoreCopy {
  readonly version: string;
  /** Absolute folder of the package. */
  readonly folder: string;
}

const folder = fileURLToPath(new URL("../..", import.meta.url));
const { version } = JSON.parse(readFileSync(`${folder}package.json`, "utf8")) as { version: string };

/** Of the core that runs. */
export const coreVersion = version;

const key = Symbol.for("@dibjs/core");
const registry = globalThis as { [key]?: CoreCopy[] };

/** Every copy of core that was loaded: a second one comes with an element that has its own. They get on, but it is worth telling. */
export const coreCopies = (): readonly CoreCopy[] => registry[key] ?? [];

if (!coreCopies().some((copy) => copy.folder === folder)) registry[key] = [...coreCopies(), { version, folder }];
