/** The leading integer of a script's name, 0 without one, as `sort -n` reads it. */
export const numberOf = (name: string): number => Number(/^-?\d+/.exec(name)?.[0] ?? 0);

/** Order of the C locale: never the user's. */
export const compareBytes = (a: string, b: string): number => Buffer.compare(Buffer.from(a), Buffer.from(b));

/** dib-run-parts' order: the leading number, ties bytewise on the whole name. */
export function compareScripts(a: string, b: string): number {
  const [numberA, numberB] = [numberOf(a), numberOf(b)];
  if (numberA !== numberB) return numberA < numberB ? -1 : 1;
  return compareBytes(a, b);
}

/** What dib-run-parts runs: a name with a dot is never a script. */
export const isScriptName = (name: string): boolean => /^[0-9A-Za-z_-]+$/.test(name);

/** What environment.d sources; here a dot is fine. */
export const isEnvironmentFileName = (name: string): boolean => /^[0-9A-Za-z_.-]+$/.test(name);

/** Old elements keep lists of packages among their scripts. */
export const isPackageList = (name: string): boolean => /^package-(un)?installs-/.test(name);
