/** The leading integer of a script's name, 0 without one, as `sort -n` reads it. */
export const numberOf = (name: string): number => Number(/^-?\d+/.exec(name)?.[0] ?? 0);

/** dib-run-parts' order: the leading number, ties bytewise. */
export const compareScripts = (a: string, b: string): number => numberOf(a) - numberOf(b) || Buffer.compare(Buffer.from(a), Buffer.from(b));
