import { sha256 } from "../plan/digest.js";

/** JSON with its own digest in the first line: what was cut short or changed is told from what was written. */
export function formatSealed(value: unknown): string {
  const text = JSON.stringify(value);
  return `${sha256(text)}\n${text}\n`;
}

/** Undefined for what was not written whole by `formatSealed`. */
export function parseSealed<T>(written: string): T | undefined {
  const [digest, text = ""] = written.split("\n");
  return sha256(text) === digest ? (JSON.parse(text) as T) : undefined;
}
