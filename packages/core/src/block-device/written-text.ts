/** A scalar of a config as text; undefined for nothing. What is no scalar shows as JSON, for the checks to refuse. */
export function textOf(written: unknown): string | undefined {
  if (written === undefined || written === null) return undefined;
  return typeof written === "string" ? written : JSON.stringify(written);
}
