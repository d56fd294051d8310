import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import type { BuildConfig } from "../config/schema.js";
import type { Element } from "../elements/element.js";
import { isSecretName } from "../config/variables.js";
import { masker, secretTexts } from "../mask.js";
import { declareVariables } from "./declared.js";
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
    layers: config.layers,
    cacheFrom: config.cacheFrom,
    cacheTo: config.cacheTo,
    lockDir: config.lockDir,
    libDir: join(packageDir, "lib"),
    elementsPath: config.elementPaths
      .map(({ path }) => path)
      .filter((path) => existsSync(path))
      .join(":"),
    secrets,
    runEnvironment: config.runEnvironment,
    caller: config.caller,
    args: shownArgs(config, secrets),
    dibEnv: shownVariables(config, secrets),
  };
}

/** As the caller had DIB's variables, and without secrets: images keep DIB_ENV. DIB_ARGS was one of them already. */
function shownVariables(config: BuildConfig, secrets: BuildPlaces["secrets"]): string | undefined {
  if (config.callerDibVariables === undefined) return undefined;
  const isShown = ([name]: [string, string]) => !Object.hasOwn(secrets, name) && !isSecretName(name);
  const shown = Object.fromEntries(Object.entries(config.callerDibVariables).filter(isShown));
  const mask = masker(secretTexts({ secrets, runEnvironment: config.runEnvironment }));
  return declareVariables({ ...mapValues(shown, mask), DIB_ARGS: shownArgs(config, secrets) });
}

const mapValues = (map: Readonly<Record<string, string>>, change: (value: string) => string) =>
  Object.fromEntries(Object.entries(map).map(([key, value]) => [key, change(value)]));

/** DIB_ARGS, which the image keeps. A secret that is named there goes whatever its length. */
function shownArgs({ args, runEnvironment }: BuildConfig, secrets: BuildPlaces["secrets"]): string {
  const named = args.map((word) => {
    const [, before = "", name = ""] = /^(--env=)?(\w+)=/.exec(word) ?? [];
    return Object.hasOwn(secrets, name) ? `${before}${name}=***` : word;
  });
  return masker(secretTexts({ secrets, runEnvironment }))(named.join(" "));
}
