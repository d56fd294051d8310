import type { BuildConfig } from "../config/schema.js";
import type { Element } from "../elements/element.js";
import { compareBytes } from "../phases/order.js";
import type { PlannedDisk, PlannedVariable } from "./plan.js";

/**
 * The variables scripts get, sorted by name; a secret is named and has no value here. One that the disk asks for is not
 * theirs, unless an element declares it: a script that keeps its environment would put the disk's key on the disk.
 */
export function assembleEnvironment(
  config: BuildConfig,
  elements: readonly Element[],
  disk: Pick<PlannedDisk, "secrets"> = {},
): PlannedVariable[] {
  const ofDisk = (disk.secrets ?? []).flatMap(({ place }) => ("variable" in place ? place.variable : []));
  const isKept = (name: string) =>
    !ofDisk.includes(name) || elements.some(({ variables }) => Object.hasOwn(variables, name));
  return Object.entries(givenVariables(config, elements))
    .filter(([name]) => isKept(name))
    .map(([name, { value, origin, secret }]) => ({ name, value: secret ? undefined : value, secret, origin }))
    .sort((a, b) => compareBytes(a.name, b.name));
}

/** Values of secrets by name; they travel beside the plan. */
export function secretsOf(config: BuildConfig, elements: readonly Element[]): Record<string, string> {
  return Object.fromEntries(
    Object.entries(givenVariables(config, elements)).flatMap(([name, { value, secret }]) =>
      secret ? [[name, value]] : [],
    ),
  );
}

/** What the config lets through, and what elements declare and the caller has set. One element that calls it secret is enough. */
function givenVariables(config: BuildConfig, elements: readonly Element[]): BuildConfig["environment"] {
  const declared = elements.flatMap(({ variables }) => Object.entries(variables));
  const secrets = new Set(declared.filter(([, { secret }]) => secret === true).map(([name]) => name));
  const fromCaller = declared.flatMap(([name]) => {
    const value = config.callerEnvironment[name];
    return value === undefined ? [] : [[name, { value, origin: "environment", secret: false }] as const];
  });
  const given = Object.entries({ ...Object.fromEntries(fromCaller), ...config.environment });
  return Object.fromEntries(
    given.map(([name, variable]) => [name, { ...variable, secret: variable.secret || secrets.has(name) }]),
  );
}
