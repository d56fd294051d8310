import { posix } from "node:path";
import { BuildError } from "../errors.js";
import { phaseNames } from "../phases/table.js";
import type { ElementManifest } from "./element.js";
import { isElementName, isRange } from "./name.js";
import { boolean, listOf, mapOf, oneOf, pathInside, record, text } from "./shape.js";

const knownApiVersion = 1;

const elementName = text(isElementName, "not an element name");
const range = text(isRange, "not a semver range");
const variableName = text(
  (name) => /^[A-Za-z_][A-Za-z0-9_]*$/.test(name) && !Object.hasOwn(Object.prototype, name),
  "not a variable name",
);
const word = text((value) => value !== "", "not a word");
const phases = listOf(oneOf(phaseNames));

const hostCommand = record(
  { command: word },
  { debian: text(), fedora: text(), opensuse: text(), or: listOf(text()), elements: listOf(elementName, 1) },
);

const shape = record(
  { apiVersion: oneOf([knownApiVersion]), elements: mapOf(elementName, pathInside) },
  {
    core: range,
    provides: mapOf(elementName, listOf(elementName)),
    requires: mapOf(elementName, range),
    entry: pathInside,
    arch: listOf(word, 1),
    hostCommands: listOf(hostCommand),
    cache: boolean,
    reads: phases,
    variables: mapOf(variableName, record({}, { secret: boolean, description: text() })),
    network: phases,
    manifest: pathInside,
  },
);

/** Where each element of a package lies: relative to the package, `.` for the package itself. */
export const elementFolders = ({
  elements,
}: Pick<ElementManifest, "elements">): readonly { readonly element: string; readonly at: string }[] =>
  Object.entries(elements).map(([element, path]) => ({ element, at: posix.normalize(path).replace(/\/$/, "") }));

/** The `dib` key of a package.json may also hold a build's config; a manifest has an apiVersion, or a map of elements. */
export function isManifest(dib: unknown): boolean {
  if (typeof dib !== "object" || dib === null) return false;
  const { apiVersion, elements } = dib as { apiVersion?: unknown; elements?: unknown };
  return apiVersion !== undefined || (typeof elements === "object" && elements !== null && !Array.isArray(elements));
}

/** Throws ELEMENT_MANIFEST_INVALID with the key, and ELEMENT_API_UNSUPPORTED. `file` is the package.json, `name` the package. */
export function parseManifest(written: unknown, file: string, name: string): ElementManifest {
  const { apiVersion } = written as { apiVersion?: unknown };
  if (typeof apiVersion === "number" && Number.isInteger(apiVersion) && apiVersion > knownApiVersion)
    throw new BuildError("ELEMENT_API_UNSUPPORTED", { package: name, file, apiVersion, known: knownApiVersion });
  const flaw = shape(written) ?? commandOfNone(written as ElementManifest);
  if (flaw !== undefined) throw new BuildError("ELEMENT_MANIFEST_INVALID", { file, ...flaw });
  return written as ElementManifest;
}

/** A program for an element that the package does not have would never be looked for. */
function commandOfNone({ elements, hostCommands = [] }: ElementManifest): { key: string; reason: string } | undefined {
  for (const [index, { elements: users = [] }] of hostCommands.entries()) {
    const odd = users.find((name) => !Object.hasOwn(elements, name));
    if (odd !== undefined)
      return { key: `hostCommands.${index}.elements`, reason: `the package has no element "${odd}"` };
  }
  return undefined;
}
