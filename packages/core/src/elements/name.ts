import validRange from "semver/ranges/valid.js";

/** Letters, digits and `+ . _ -`, 128 at most; upper case is allowed, names of Object.prototype (`constructor`) are not. */
export const isElementName = (name: string): boolean =>
  /^[a-z0-9][a-z0-9+._-]{0,127}$/i.test(name) && !Object.hasOwn(Object.prototype, name);

/** `name` or `name@range`; undefined when either is not valid. Any version will do without a range. */
export function parseElementName(written: string): { readonly name: string; readonly range: string } | undefined {
  const at = written.indexOf("@", 1);
  const name = (at === -1 ? written : written.slice(0, at)).trim();
  const range = at === -1 ? "*" : written.slice(at + 1).trim();
  return isElementName(name) && isRange(range) ? { name, range } : undefined;
}

export const isRange = (range: string): boolean =>
  range !== "" && validRange(range, { includePrerelease: true }) !== null;
