/** YAML and JSON with the place of every part: the document that `yaml` makes is kept beside the plain value. */
import type * as Yaml from "yaml";
import type { Document, LineCounter, Node, Pair } from "yaml";
import { BuildError, isBuildError, reasonOf, type Place } from "../errors.js";
import { maxYamlBytes, reasonOfProblem, tooLarge } from "../yaml-text.js";

export type KeyPath = readonly PropertyKey[];

/** The place of the value at a path, or of its key; of the nearest thing around it that has one. */
export type PlaceOf = (path: KeyPath, part?: "key" | "value") => Place;

export interface ParsedYaml {
  readonly value: unknown;
  readonly placeOf: PlaceOf;
}

/**
 * `yaml` is loaded when it is needed. Files for programs in Python are read as those read them: `yes` is true there.
 * Throws CONFIG_UNREADABLE.
 */
export async function parseYaml(path: string, text: string, reader: "dib" | "python" = "dib"): Promise<ParsedYaml> {
  if (Buffer.byteLength(text) > maxYamlBytes) throw unreadable(tooLarge, { file: path });
  if (text.includes("\0")) throw unreadable("it is no UTF-8 text", { file: path });
  const yaml = await import("yaml");
  const lines = new yaml.LineCounter();
  try {
    const document = yaml.parseDocument(text, {
      lineCounter: lines,
      prettyErrors: false,
      stringKeys: true,
      merge: true,
      ...(reader === "python" ? { version: "1.1" } : {}),
    });
    const [problem] = [...document.errors, ...document.warnings];
    if (problem !== undefined) throw unreadable(reasonOfProblem(problem), placeAt(problem.pos[0], lines, path));
    if (reader === "python") keepTextOfPython(document, yaml);
    else keepNumbersAsWritten(document, yaml);
    return { value: document.toJS(), placeOf: placesIn(document, lines, path, yaml) };
  } catch (error) {
    if (isBuildError(error)) throw error;
    // Beyond its limits (aliases of aliases, nesting), `yaml` throws without a place.
    throw unreadable(reasonOf(error), placeAt(Math.max(text.search(/[&*]\w/), 0), lines, path), error);
  }
}

export const unreadable = (reason: string, place: Place, cause?: unknown) =>
  new BuildError("CONFIG_UNREADABLE", { place, reason }, { cause });

const placeAt = (offset: number, lines: LineCounter, file: string): Place => {
  const { line, col } = lines.linePos(offset);
  return line === 0 ? { file } : { file, line, column: col };
};

/** A release like 22.10 or a mode like 0755, written without quotes, is text to a script and must stay as it is. */
function keepNumbersAsWritten(document: Document, yaml: typeof Yaml): void {
  yaml.visit(document, {
    Pair(_, pair) {
      if (!yaml.isScalar(pair.key) || pair.key.value !== "environment" || !yaml.isMap(pair.value)) return;
      for (const { value: written } of pair.value.items) {
        const value = yaml.isMap(written) ? written.get("secret", true) : written;
        if (yaml.isScalar(value) && typeof value.value === "number" && value.source !== undefined)
          value.value = value.source;
      }
    },
  });
}

/** Of what YAML 1.1 takes for a number or a yes, PyYAML leaves some as text, for example `y` and 12e3. */
function keepTextOfPython(document: Document, yaml: typeof Yaml): void {
  yaml.visit(document, {
    Scalar(_, scalar) {
      const isTyped = typeof scalar.value === "boolean" || typeof scalar.value === "number";
      if (isTyped && scalar.tag === undefined && scalar.source !== undefined && !typedInPython.test(scalar.source))
        scalar.value = scalar.source;
    },
  });
}

const typedInPython = new RegExp(
  [
    "true|True|TRUE|yes|Yes|YES|on|On|ON",
    "false|False|FALSE|no|No|NO|off|Off|OFF",
    "[-+]?0(b[01_]+|x[0-9a-fA-F_]+|[0-7_]*)",
    "[-+]?[1-9][0-9_]*(:[0-5]?[0-9])*",
    "([-+]?[0-9][0-9_]*\\.[0-9_]*|\\.[0-9][0-9_]*)([eE][-+][0-9]+)?",
    "[-+]?[0-9][0-9_]*(:[0-5]?[0-9])+\\.[0-9_]*",
    "[-+]?\\.(inf|Inf|INF)|\\.(nan|NaN|NAN)",
  ]
    .map((form) => `^(?:${form})$`)
    .join("|"),
);

function placesIn(document: Document, lines: LineCounter, file: string, yaml: typeof Yaml): PlaceOf {
  const child = (node: unknown, key: PropertyKey): { key: unknown; value: unknown } | undefined => {
    const resolved = yaml.isAlias(node) ? node.resolve(document) : node;
    if (yaml.isMap(resolved))
      return resolved.items.find((pair: Pair) => yaml.isScalar(pair.key) && pair.key.value === key);
    if (yaml.isSeq(resolved) && typeof key === "number")
      return { key: resolved.items[key], value: resolved.items[key] };
    return undefined;
  };
  const placeOf = (node: unknown): Place | undefined => {
    const range = (node as Node | null | undefined)?.range;
    return range ? placeAt(range[0], lines, file) : undefined;
  };
  return (path, part = "value") => {
    let here: { key: unknown; value: unknown } = { key: undefined, value: document.contents };
    let known = placeOf(document.contents);
    for (const key of path) {
      const next = child(here.value, key);
      if (next === undefined) break;
      known = placeOf(part === "key" ? next.key : (next.value ?? next.key)) ?? placeOf(next.key) ?? known;
      here = next;
    }
    return known ?? { file };
  };
}
