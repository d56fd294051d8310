/**
 * Checks what manifests hold. A schema library would do, but every plan reads manifests, and loading one takes longer
 * than all the rest of a plan.
 */
export interface Flaw {
  /** Keys and indices from the outside in, with dots between. */
  readonly key: string;
  readonly reason: string;
}

/** Undefined when the value has the shape. */
export type Shape = (value: unknown, key?: string) => Flaw | undefined;

const below = (key: string, name: string | number): string => (key === "" ? String(name) : `${key}.${name}`);

export const matching =
  (matches: (value: unknown) => boolean, reason: string): Shape =>
  (value, key = "") =>
    matches(value) ? undefined : { key, reason };

export const text = (matches: (value: string) => boolean = () => true, reason = "not a text"): Shape =>
  matching((value) => typeof value === "string" && matches(value), reason);

/** Relative, with `/`, and never out of where it starts. */
export const pathInside: Shape = text(
  (path) => !path.startsWith("/") && !path.includes("\\") && !path.split("/").includes(".."),
  "must be a path inside the package",
);

export const boolean: Shape = matching((value) => typeof value === "boolean", "not true or false");

export const oneOf = (values: readonly unknown[]): Shape =>
  matching((value) => values.includes(value), `not one of ${values.join(", ")}`);

export const listOf =
  (item: Shape, least = 0): Shape =>
  (value, key = "") => {
    if (!Array.isArray(value)) return { key, reason: "not a list" };
    if (value.length < least) return { key, reason: "empty" };
    return firstFlaw(value.map((each, index) => () => item(each, below(key, index))));
  };

/** Any keys of one shape, with values of another. */
export const mapOf =
  (name: Shape, item: Shape): Shape =>
  (value, key = "") => {
    if (!isObject(value)) return { key, reason: "not a map" };
    return firstFlaw(
      Object.entries(value).flatMap(([inner, each]) => [
        () => name(inner, below(key, inner)),
        () => item(each, below(key, inner)),
      ]),
    );
  };

/** These keys and no others. */
export const record =
  (required: Readonly<Record<string, Shape>>, optional: Readonly<Record<string, Shape>> = {}): Shape =>
  (value, key = "") => {
    if (!isObject(value)) return { key, reason: "not a map" };
    const known = new Map([...Object.entries(required), ...Object.entries(optional)]);
    const unknown = Object.keys(value).filter((name) => !known.has(name));
    return firstFlaw([
      ...[...known].map(([name, shape]) => () => {
        if (Object.hasOwn(value, name) && value[name] !== undefined) return shape(value[name], below(key, name));
        return Object.hasOwn(required, name) ? { key: below(key, name), reason: "missing" } : undefined;
      }),
      () => (unknown.length === 0 ? undefined : { key, reason: `unknown key ${unknown.join(", ")}` }),
    ]);
  };

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

function firstFlaw(checks: readonly (() => Flaw | undefined)[]): Flaw | undefined {
  for (const check of checks) {
    const flaw = check();
    if (flaw !== undefined) return flaw;
  }
  return undefined;
}
