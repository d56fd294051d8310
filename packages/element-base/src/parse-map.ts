import type { BuildError } from "@dibjs/core";
import { parseDocument } from "yaml";

/** How a file is refused that does not read as it should. */
export type Invalid = (reason: string) => BuildError;

/** A YAML or JSON file whose top is a map; empty counts as such. As in DIB the last of two equal keys wins, with a note. */
export function parseMap(
  text: string,
  invalid: Invalid,
  note: (text: string) => void,
): Readonly<Record<string, unknown>> {
  const document = parseDocument(text);
  for (const { code, message } of document.errors) {
    if (code !== "DUPLICATE_KEY") throw invalid(message);
    note(`the last of two equal keys counts: ${message}`);
  }
  const written = toJs(document, invalid);
  if (written === null || written === undefined) return {};
  if (typeof written !== "object" || Array.isArray(written)) throw invalid("must be a map of names");
  return written as Record<string, unknown>;
}

function toJs(document: ReturnType<typeof parseDocument>, invalid: Invalid): unknown {
  try {
    return document.toJS();
  } catch (error) {
    throw invalid(error instanceof Error ? error.message : String(error)); // an alias of nothing, or of too much
  }
}
