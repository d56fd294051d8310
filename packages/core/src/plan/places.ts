import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import type { BuildConfig } from "../config/schema.js";
import type { Element } from "../elements/element.js";
import { masker } from "../mask.js";
import { secretsOf } from "./environment.js";
import type { BuildPlaces } from "./plan.js";

const packageDir = fileURLToPath(new URL("../..", import.meta.url));

/** Where the plan's things lie on this machine. */
export function placesOf(config: BuildConfig, elements: readonly Element[]): BuildPlaces {
  const secrets = secretsOf(config, elements);
  return {
    elements: Object.fromEntries(
      elements.map(({ name, version, folder, entry, source }) => [
        name,
        { version, folder, source, ...(entry === undefined ? {} : { entry }) },
      ]),
    ),
    plugins: config.plugins,
    output: resolve(config.cwd, config.output),
    cwd: config.cwd,
    path: config.path,
    tmpDir: config.tmpDir,
    cacheDir: config.cacheDir,
    lockDir: config.lockDir,
    libDir: join(packageDir, "lib"),
    elementsPath: config.elementPaths
      .map(({ path }) => path)
      .filter((path) => existsSync(path))
      .join(":"),
    secrets,
    runEnvironment: config.runEnvironment,
    caller: config.caller,
    args: masker(Object.values(secrets))(config.args), // the image keeps them
  };
}
