const maxShown = 60;

/** A value as messages show it. Objects are not printed: what is inside may be secret, and is seen in the file. */
export function shownValue(value: unknown): string {
  if (Array.isArray(value)) return "a list";
  if (typeof value === "object" && value !== null) return "a map";
  if (typeof value === "function") return "a function";
  return typeof value === "string" ? shownText(value) : String(value);
}

/** Quoted, with control characters escaped, and not too long. */
export function shownText(value: string): string {
  const text = JSON.stringify(value);
  return text.length > maxShown ? `${text.slice(0, maxShown)}…` : text;
}
