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
