import { readFile, realpath, stat } from "node:fs/promises";
import { basename, join, posix } from "node:path";
import type { ElementRelations } from "../elements/element.js";
import { BuildError } from "../errors.js";
import { readSource, type KnownElements, type SourceElement } from "../lint/source.js";
import { compareScripts } from "../phases/order.js";
import { phaseNames } from "../phases/table.js";

/** An element as DIB has it, read and not changed. */
export interface ImportSource extends SourceElement {
  /** Absolute. */
  readonly folder: string;
  readonly relations: ElementRelations;
  readonly readme: { readonly text: string; readonly isMarkdown: boolean };
}

/** Throws IMPORT_SOURCE_INVALID, and what its element-deps and element-provides have wrong. */
export async function readImportSource(written: string, known: KnownElements): Promise<ImportSource> {
  const invalid = (reason: string) => new BuildError("IMPORT_SOURCE_INVALID", { folder: written, reason });
  const folder = await realpath(written).catch(() => undefined);
  if (folder === undefined || !(await stat(folder)).isDirectory()) throw invalid("it is not a folder");
  const source = await readSource(folder, known).catch(() => undefined);
  if (source?.package !== undefined) throw invalid("it is an element package already");
  const [element] = source?.elements ?? [];
  if (element?.at !== ".") throw invalid("it has none of an element's files");
  if (element.relations === undefined) throw source?.broken[0] ?? invalid("it can't be read");
  return { ...element, folder, relations: element.relations, readme: await readReadme(folder) };
}

async function readReadme(folder: string): Promise<ImportSource["readme"]> {
  for (const name of ["README.rst", "README.md"]) {
    const text = await readFile(join(folder, name), "utf8").catch(() => undefined);
    if (text !== undefined) return { text, isMarkdown: name.endsWith(".md") };
  }
  return { text: "", isMarkdown: false };
}

/** Files of an element that only serve its development with DIB, or that package.json and README.md say instead. */
export const isLeftBehind = (path: string): boolean =>
  /^(README\.(rst|md)|element-deps|element-provides|tests|test-elements|__init__\.py)$/.test(
    path.split("/")[0] ?? "",
  ) ||
  ["__pycache__", ".git", "node_modules"].includes(posix.basename(path)) ||
  path.endsWith(".pyc");

/** Scripts in the order that they run in. */
export const scriptsOf = ({ files }: SourceElement): string[] =>
  phaseNames.flatMap((phase) =>
    files
      .filter(
        ({ inElement, kind, mode }) =>
          kind === "file" && (mode & 0o111) !== 0 && posix.dirname(inElement) === `${phase}.d`,
      )
      .map(({ inElement }) => inElement)
      .sort((a, b) => compareScripts(basename(a), basename(b))),
  );

export const variablesOf = ({ files }: SourceElement): string[] => [
  ...new Set(
    files
      .filter(({ inElement }) => inElement.startsWith("environment.d/"))
      .flatMap(({ text }) => [...text.matchAll(/^\s*export ([A-Z][A-Z0-9_]*)/gm)].map(([, name = ""]) => name)),
  ),
];
