/**
 * Puts *** in place of secrets, for text that leaves the build. Output leaves it by lines, so a secret of several is
 * masked line by line. Very short ones would mask ordinary text.
 */
export function masker(secrets: readonly string[], encoding: BufferEncoding = "utf8"): (text: string) => string {
  const spelt = secrets
    .flatMap((secret) => secret.split(/\r?\n/))
    .filter((secret) => secret.length >= 4)
    .flatMap((secret) => shellSpellings(Buffer.from(secret).toString("latin1")))
    .map((secret) => Buffer.from(secret, "latin1").toString(encoding));
  const known = [...new Set(spelt)].sort((a, b) => b.length - a.length); // one that holds another is masked whole
  return (text) => known.reduce((masked, secret) => masked.replaceAll(secret, "***"), text);
}

/** How much longer a secret can be the way that a shell spells it. */
export const longestSpelling = 4;

/**
 * A text of bytes, and as a shell writes it when it traces what it runs (`set -x`, which many scripts do) or lists its
 * variables: between quotes of each kind, and in a pattern.
 */
const shellSpellings = (text: string): readonly string[] => [
  text,
  text.replaceAll("'", `'\\''`),
  // eslint-disable-next-line no-control-regex -- they are what $'…' is for
  text.replace(/[\\']/g, "\\$&").replace(/[\x00-\x1f\x7f-\xff]/g, ansiC),
  text.replace(/["\\$`]/g, "\\$&"),
  text.replace(/^[#~]|[\s'"\\|&;()<>!{}*[\]?^$`,]/g, "\\$&"),
  text.replace(/[^]/g, "\\$&"),
];

const named: Readonly<Record<string, string>> = {
  "\t": "\\t",
  "\x07": "\\a",
  "\b": "\\b",
  "\f": "\\f",
  "\v": "\\v",
  "\x1b": "\\E",
};

const ansiC = (byte: string): string => named[byte] ?? `\\${byte.charCodeAt(0).toString(8).padStart(3, "0")}`;

/** A URL with a password, or a token, before its host. A lone user name, as in ssh://git@…, is no secret. */
const credentials = /\b(?:[a-z][a-z0-9+.-]*:\/\/[^\s/?#@:]*:|https?:\/\/)([^\s/?#@]+)@/gi;

/** Passwords and tokens in the URLs of a text. */
export const credentialsIn = (text: string): readonly string[] =>
  [...text.matchAll(credentials)].map(([, secret = ""]) => secret);

/** All that a masker must know of a run: its secrets, and what a program says of a URL without saying all of it. */
export function secretTexts({ secrets, runEnvironment }: MaskedPlaces): readonly string[] {
  const values = [...Object.values(secrets), ...Object.values(runEnvironment)];
  return [...Object.values(secrets), ...values.flatMap(credentialsIn)];
}

interface MaskedPlaces {
  readonly secrets: Readonly<Record<string, string>>;
  /** The caller's proxies are among it. */
  readonly runEnvironment: Readonly<Record<string, string>>;
}
