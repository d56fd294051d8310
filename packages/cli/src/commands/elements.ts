import { discoverElements, loadElementPlaces, type ElementCatalog, type ElementRef } from "@dibjs/core";
import { toLoadRequest, type Given } from "../options.js";
import { sanitise, sanitiseLine } from "../progress/sanitise.js";
import { formatTable } from "../table.js";
import type { Terminal } from "../terminal.js";

interface Listed {
  readonly name: string;
  readonly version: string;
  readonly source: string;
  readonly package: string | undefined;
  readonly folder: string;
  /** Folders of elements of the same name that are not used. */
  readonly shadows: readonly string[];
}

/** Prints every element that can be named, and where it is; with `--tree`, what asks for what. */
export async function elements(terminal: Terminal, given: Given): Promise<number> {
  if (given.tree === true) return (await import("./elements-tree.js")).elementsTree(terminal, given);
  const { out, err } = terminal;
  const catalog = await findElements(given);
  const listed = listElements(catalog);
  const warnings = catalog.unusable.map(({ folder, error }) => `${folder} can't be used: ${error.message}`);
  if (given.json === true) {
    const { formatData } = await import("../envelope.js");
    out.write(formatData("elements", { elements: listed }, warnings));
    return 0;
  }
  const { dim } = out.colours;
  const rows = listed.map(({ name, version, source, package: from, folder, shadows }) => [
    name,
    version,
    from ?? source,
    [
      sanitiseLine(from === undefined ? folder : source),
      ...shadows.map((shadowed) => dim(`shadows ${sanitiseLine(shadowed)}`)),
    ].join("  "),
  ]);
  out.write(
    formatTable(rows)
      .map((line) => `${line}\n`)
      .join(""),
  );
  for (const warning of warnings) err.write(`${err.colours.yellow("warning:")} ${sanitise(warning)}\n`);
  return 0;
}

/** What the project, its paths and this CLI have. Settings of images, which may be wrong, play no part. */
export async function findElements(given: Given): Promise<ElementCatalog> {
  return discoverElements(await loadElementPlaces(await toLoadRequest([], given)));
}

export function listElements({ refs, shadowed }: Pick<ElementCatalog, "refs" | "shadowed">): readonly Listed[] {
  const isSame = (a: ElementRef, b: ElementRef) =>
    a.folder === b.folder || (a.package?.folder !== undefined && a.package.folder === b.package?.folder);
  return [...refs.values()]
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .map((ref) => ({
      name: ref.name,
      version: ref.version,
      source: ref.source,
      package: ref.package?.name,
      folder: ref.folder,
      shadows: shadowed.filter((other) => other.name === ref.name && !isSame(ref, other)).map(({ folder }) => folder),
    }));
}
