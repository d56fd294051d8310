/** The variables that an image asks for: reads the values that a config file does not hold itself. */
import { readFile, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { BuildError, reasonOf } from "../errors.js";
import type { ImageSource, Shared } from "./load.js";
import { fromFolder, originOf, type WrittenSource } from "./normalize.js";
import type { Origin } from "./schema.js";
import { settingOfVariable } from "./settings.js";
import { shownValue } from "./shown.js";
import { assembleVariables, type Env, type GivenVariable, type Variables } from "./variables.js";
import type { WrittenSettings } from "./written.js";

export async function readVariables(
  { levels }: ImageSource,
  { request, env, source, fromEnvironment, fromFlags }: Shared,
): Promise<Variables> {
  const written: GivenVariable[] = [];
  const findings: BuildError[] = [];
  for (const { written: settings, at } of levels) {
    for (const [name, value] of Object.entries(settings.environment ?? {})) {
      const origin = originOf(source, [...at, "environment", name]);
      const setting = settingOfVariable.get(name);
      if (setting === undefined) written.push(...(await readValue(name, value, origin, { source, env, findings })));
      else
        findings.push(
          new BuildError("CONFIG_RULE_BROKEN", {
            setting: `environment.${name}`,
            value: shownValue(value),
            origin,
            reason: "it is a setting of its own.",
            hint: `Write ${setting}.`,
          }),
        );
    }
  }
  const allEnvironment = request.allEnvironment ?? request.dropIn === true;
  const seen = [...fromEnvironment.seen, ...fromFlags.seen];
  const variables = assembleVariables({
    env,
    written,
    settings: seen,
    asked: request.variables ?? [],
    allEnvironment,
    settingVariables: new Set(settingOfVariable.keys()),
  });
  return { ...variables, findings: [...findings, ...variables.findings] };
}

type WrittenVariable = NonNullable<WrittenSettings["environment"]>[string];

/** Values that are not in the file itself are secret: that is what these forms are for. */
async function readValue(
  name: string,
  value: WrittenVariable,
  origin: Origin,
  { source, env, findings }: { source: WrittenSource; env: Env; findings: BuildError[] },
): Promise<readonly GivenVariable[]> {
  if (typeof value !== "object") return [{ name, value: String(value), origin }];
  const found =
    "secret" in value
      ? value.secret
      : "fromEnv" in value
        ? (env[value.fromEnv] ?? new Error(`$${value.fromEnv} is not set`))
        : await readSecretFile(fromFolder(dirname(source.path ?? "/"), value.fromFile, source.home));
  if (typeof found === "string") return [{ name, value: found, origin, secret: true }];
  findings.push(new BuildError("PLAN_VARIABLE_INVALID", { name, origin, reason: `${found.message}.` }));
  return [];
}

const maxSecretBytes = 2 ** 17; // what the kernel takes for one variable

/** Without the newline that editors put at the end. Never waits for a pipe. */
async function readSecretFile(path: string): Promise<string | Error> {
  try {
    const info = await stat(path);
    if (!info.isFile() || info.size >= maxSecretBytes) return new Error(`${path} is no file of less than 128 KiB`);
    return (await readFile(path, "utf8")).replace(/\r?\n$/, "");
  } catch (error) {
    return new Error(`the file can't be read: ${reasonOf(error)}`);
  }
}
