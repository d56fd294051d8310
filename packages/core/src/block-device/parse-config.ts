/** YAML of a block device config as PyYAML reads it (1.1), but for what nobody means: keys that are there twice, unknown tags, bombs. */
import { isAlias, isMap, isScalar, isSeq, LineCounter, parseDocument, visit, type Document, type Node } from "yaml";
import { BuildError, reasonOf } from "../errors.js";
import { maxYamlBytes, reasonOfProblem, tooLarge } from "../yaml-text.js";
import type { ConfigPlaces } from "./config-places.js";

/** Values of these keys are text as it was written: `type: 0x83`, `label: 0700` and `name: yes` are words, not numbers or truths. */
const textKeys = new Set([
  ...["name", "base", "label", "type", "uuid", "mount_point", "opts", "options", "size"],
  ...["flags", "attributes", "partlabel", "thin-pool", "extents", "cipher", "pbkdf", "key-file", "variable", "file"],
]);

/** The entries of the list. Throws BLOCK_DEVICE_CONFIG_INVALID with line and column. */
export function parseBlockDeviceConfig(text: string, places: ConfigPlaces): readonly unknown[] {
  if (Buffer.byteLength(text) > maxYamlBytes) throw invalid(places.origin, tooLarge);
  const lines = new LineCounter();
  const at = (offset: number) => {
    const { line, col } = lines.linePos(offset);
    return line === 0 ? places.origin : places.at(line, col);
  };
  try {
    const document = parseDocument(text, { version: "1.1", lineCounter: lines, prettyErrors: false });
    const [problem] = [...document.errors, ...document.warnings];
    if (problem !== undefined) throw invalid(at(problem.pos[0]), reasonOfProblem(problem));
    keepTextAsWritten(document);
    const entries = document.toJS() as unknown;
    JSON.stringify(entries); // an alias of what it is in can't be in a plan
    if (!Array.isArray(entries))
      throw invalid(at(0), "the config must be a list of entries, each with a leading dash.");
    notePlaces(document.contents, entries, { document, lines, places });
    return entries;
  } catch (error) {
    if (error instanceof BuildError) throw error;
    // Beyond its limits (aliases of aliases, nesting), `yaml` throws without a place.
    throw invalid(at(Math.max(text.search(/[&*]\w/), 0)), reasonOf(error), error);
  }
}

const invalid = (place: string, reason: string, cause?: unknown) =>
  new BuildError("BLOCK_DEVICE_CONFIG_INVALID", { place, reason }, { cause });

function keepTextAsWritten(document: Document): void {
  visit(document, {
    Pair(_, pair) {
      if (!isScalar(pair.key) || !textKeys.has(String(pair.key.value))) return;
      pair.value = asWritten(pair.value, document);
      if (isSeq(pair.value)) pair.value.items = pair.value.items.map((item) => asWritten(item, document));
    },
  });
}

function asWritten(node: unknown, document: Document): unknown {
  const scalar = isAlias(node) ? node.resolve(document) : node;
  if (!isScalar(scalar) || typeof scalar.value === "string" || scalar.value === null) return node;
  return document.createNode(scalar.source ?? String(scalar.value));
}

interface Walk {
  readonly document: Document;
  readonly lines: LineCounter;
  readonly places: ConfigPlaces;
}

function notePlaces(written: unknown, value: unknown, walk: Walk): void {
  const node = isAlias(written) ? written.resolve(walk.document) : written;
  if (typeof value !== "object" || value === null || (!isMap(node) && !isSeq(node))) return;
  const offset = (node as Node).range?.[0];
  if (offset !== undefined && walk.places.of(value) === walk.places.origin) {
    const { line, col } = walk.lines.linePos(offset);
    walk.places.note(value, line, col);
  }
  if (isSeq(node)) node.items.forEach((item, index) => notePlaces(item, (value as unknown[])[index], walk));
  else
    for (const { key, value: below } of node.items)
      notePlaces(below, (value as Record<string, unknown>)[String(isScalar(key) ? key.value : key)], walk);
}
