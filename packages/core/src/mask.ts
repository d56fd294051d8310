/**
 * Puts *** in place of secrets, for text that leaves the build. Output leaves it by lines, so a secret of several is
 * masked line by line. Very short ones would mask ordinary text.
 */
export function masker(secrets: readonly string[], encoding: BufferEncoding = "utf8"): (text: string) => string {
  const known = secrets
    .flatMap((secret) => secret.split(/\r?\n/))
    .filter((secret) => secret.length >= 4)
    .map((secret) => Buffer.from(secret).toString(encoding))
    .sort((a, b) => b.length - a.length); // one that holds another is masked whole
  return (text) => known.reduce((masked, secret) => masked.replaceAll(secret, "***"), text);
}

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
