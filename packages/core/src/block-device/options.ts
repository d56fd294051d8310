/**
 * Further options of programs, as a layout may name them. Known by their whole names and by the form of their values: what
 * is not known, or is no option at all, could be another device, file or configuration that root's program would work on.
 */

/** By name (`-f`, `--force`) the form of its value; null when it has none. */
export type KnownOptions = ReadonlyMap<string, RegExp | null>;

/** Each row is the names of options, separated by a space, and the form of their values. */
export const knownOptions = (rows: readonly (readonly [names: string, form: RegExp | null])[]): KnownOptions =>
  new Map(rows.flatMap(([names, form]) => names.split(" ").map((name) => [name, form])));

export const amount = /^\d+(\.\d+)?([bskmgtpe](i?b)?|%)?$/i;
export const word = /^[A-Za-z0-9][\w.:+-]*$/;
export const yesOrNo = /^[yn]$/;

/** A list of `key` and `key=value`, of these keys only. */
export function listOf(keys: string): RegExp {
  const one = `(${keys.split(" ").join("|")})(=[\\w.:%+-]*)?`;
  return new RegExp(`^${one}(,${one})*$`);
}

/** What of the words a program must not get, each option with its value; read as getopt reads them, but for abbreviations. */
export function refusedWords(words: readonly string[], known: KnownOptions): readonly string[] {
  const refused: string[] = [];
  const waiting = [...words];
  for (let text = waiting.shift(); text !== undefined; text = waiting.shift()) {
    const { name, value, isKnown } = text.startsWith("--") ? readLong(text, known) : readShort(text, known);
    const form = isKnown ? known.get(name) : undefined;
    const isValueNext = form instanceof RegExp && value === undefined;
    const given = isValueNext ? waiting.shift() : value;
    if (!isKnown || !suits(given, form)) refused.push(isValueNext && given !== undefined ? `${text} ${given}` : text);
  }
  return refused;
}

interface ReadOption {
  readonly name: string;
  readonly value: string | undefined;
  readonly isKnown: boolean;
}

function suits(value: string | undefined, form: RegExp | null | undefined): boolean {
  if (form === undefined) return false;
  return form === null ? value === undefined : value !== undefined && form.test(value);
}

function readLong(text: string, known: KnownOptions): ReadOption {
  const equals = text.indexOf("=");
  const name = equals === -1 ? text : text.slice(0, equals);
  return { name, value: equals === -1 ? undefined : text.slice(equals + 1), isKnown: known.has(name) };
}

/** One word may hold several, the last of them with its value. */
function readShort(text: string, known: KnownOptions): ReadOption {
  for (let at = 1; text.startsWith("-") && at < text.length; at++) {
    const name = `-${text.charAt(at)}`;
    const rest = text.slice(at + 1);
    const form = known.get(name);
    if (form === undefined) break;
    if (form !== null) return { name, value: rest === "" ? undefined : rest, isKnown: true };
    if (rest === "") return { name, value: undefined, isKnown: true };
  }
  return { name: text, value: undefined, isKnown: false };
}
