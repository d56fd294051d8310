/** Makes packages of folders that are elements as DIB has them. What can't be taken over is said, never dropped in silence. */
import { cp, rm, writeFile } from "node:fs/promises";
import { basename, join, relative } from "node:path";
import type { ElementRelations } from "../elements/element.js";
import { BuildError } from "../errors.js";
import { lintElements, type LintFinding } from "../lint/lint.js";
import { undeclared } from "../lint/rules/relations.js";
import type { KnownElements } from "../lint/source.js";
import { makePackageFolder } from "../pack/new-folder.js";
import { packageNameOf } from "../pack/package-name.js";
import type { PackTools } from "../pack/packed-list.js";
import { convertReadme } from "./convert-readme.js";
import { firstVersion, packageJsonOf } from "./package-json.js";
import { isLeftBehind, readImportSource, scriptsOf, variablesOf, type ImportSource } from "./source-element.js";

export interface ImportRequest extends PackTools {
  /** Folders of elements. */
  readonly sources: readonly string[];
  /** Where the packages are made, each in a folder of its own. */
  readonly into: string;
  readonly scope?: string | undefined;
  readonly license?: string | undefined;
  /** Elements that may be needed, by name. */
  readonly known: KnownElements;
  /** Its reason is the name of what interrupted. */
  readonly signal?: AbortSignal | undefined;
}

export interface ImportedElement {
  readonly name: string;
  readonly package: string;
  /** Absolute. */
  readonly folder: string;
  readonly files: number;
  /** What could not be mapped, or is to be looked at. */
  readonly warnings: readonly string[];
}

/** An element, and the package that it becomes. */
interface Planned extends ImportSource {
  readonly packageName: string;
  readonly target: string;
  /** A known package that has an element of this name. */
  readonly packaged: string | undefined;
}

/**
 * All of them or none. Throws IMPORT_SOURCE_INVALID, ELEMENT_NAME_INVALID, PACKAGE_NAME_INVALID,
 * PACKAGE_FOLDER_NOT_EMPTY and PACKAGE_FOLDER_UNWRITABLE.
 */
export async function importElements(request: ImportRequest): Promise<readonly ImportedElement[]> {
  const planned: Planned[] = [];
  for (const folder of request.sources) planned.push(await plan(folder, request));
  // Elements that are imported together may need each other.
  const known = new Map([...request.known, ...planned.map((each) => [each.name, asInstalled(each)] as const)]);
  const made: string[] = [];
  try {
    const imported: ImportedElement[] = [];
    for (const each of planned) {
      stopIfInterrupted(request);
      imported.push(await makePackageFolder(each.target, (staging) => write(each, staging, { ...request, known })));
      made.push(each.target);
    }
    return imported;
  } catch (error) {
    for (const folder of made) await rm(folder, { recursive: true, force: true });
    throw error;
  }
}

function stopIfInterrupted({ signal }: Pick<ImportRequest, "signal">): void {
  if (signal?.aborted !== true) return;
  throw new BuildError("BUILD_INTERRUPTED", { signal: String(signal.reason), stage: "the import" });
}

async function plan(folder: string, { known, scope, into }: ImportRequest): Promise<Planned> {
  const source = await readImportSource(folder, known);
  const packageName = packageNameOf({ element: source.name, scope }, folder);
  const packaged = known.get(source.name)?.package?.name;
  return { ...source, packageName, packaged, target: join(into, basename(packageName)) };
}

const asInstalled = ({ relations, name, packageName, target }: Planned): ElementRelations => ({
  ...relations,
  version: firstVersion,
  package: {
    ...{ name: packageName, folder: target, sees: {} },
    manifest: { apiVersion: 1, elements: { [name]: `./elements/${name}` } },
  },
});

async function write(planned: Planned, staging: string, request: ImportRequest): Promise<ImportedElement> {
  const { name, folder, packageName, target, readme } = planned;
  const unnamed = undeclared(planned, { elements: [planned], known: request.known });
  const needs = [
    ...planned.relations.dependencies,
    ...unnamed.map(({ name: needed }) => ({ name: needed, range: "*" })),
  ];
  await cp(folder, join(staging, "elements", name), {
    recursive: true,
    verbatimSymlinks: true,
    filter: (from) => !isLeftBehind(relative(folder, from)),
  });
  const facts = { name, ...readme, variables: variablesOf(planned), scripts: scriptsOf(planned) };
  await writeFile(join(staging, "README.md"), convertReadme({ ...facts, needs: needs.map((each) => each.name) }));
  const { license, known } = request;
  const packageJson = packageJsonOf({
    ...facts,
    packageName,
    license,
    known,
    needs,
    provides: planned.relations.provides,
  });
  await writeFile(join(staging, "package.json"), `${JSON.stringify(packageJson, null, 2)}\n`);
  await writeFile(join(staging, ".gitignore"), "node_modules/\ndib-manifest.json\ndib-manifest.files/\n");
  const kept = await keepFindings(staging, request);
  const copied = planned.files.filter(({ kind, inElement }) => kind !== "folder" && !isLeftBehind(inElement));
  const warnings = [
    ...packagedAlready(planned),
    ...unknownNeeds(planned, request.known),
    ...unnamed.map((each) => `${each.file} is for ${each.name}, which element-deps does not name: it is required now`),
    ...hiddenFiles(planned),
    ...leftBehind(planned),
    ...kept,
  ];
  return { name, package: packageName, folder: target, files: copied.length, warnings };
}

/** Of the caller's elements, before those that are imported took their names. */
const packagedAlready = ({ packaged }: Planned): string[] =>
  packaged === undefined ? [] : [`${packaged} has an element of this name: an image can have one of them only`];

const unknownNeeds = ({ relations }: Planned, known: KnownElements): string[] => {
  const provided = new Set([...known.values()].flatMap(({ provides }) => provides));
  return relations.dependencies
    .filter(({ name }) => !known.has(name) && !provided.has(name))
    .map(
      ({ name }) => `it needs the element ${name}, and no package with it is known: import it too, or add its package`,
    );
};

/** DIB lists folders with `ls`. */
const hiddenFiles = ({ files }: Planned): string[] =>
  files
    .filter(({ inElement, kind }) => kind === "file" && /^([^/]+\/)?\.[^/]+$/.test(inElement))
    .map(({ inElement }) => `${inElement} is hidden: no image ever had it`);

const leftBehind = ({ files }: Planned): string[] =>
  files
    .filter(({ inElement }) => ["tests", "test-elements"].includes(inElement))
    .map(({ inElement }) => `${inElement}/ was left behind: it is for DIB's own test run`);

/**
 * What lint finds in scripts that were taken over as they are: they are not ours to change. The rules are named in
 * tox.ini, where their author finds them; a flaw of the package itself stays one.
 */
async function keepFindings(staging: string, { exec, env, known, signal }: ImportRequest): Promise<string[]> {
  const { findings } = await lintElements({ folder: staging, exec, env, known });
  stopIfInterrupted({ signal });
  const kept = findings.filter(({ file }) => file.startsWith("elements/"));
  const rules = [...new Set(kept.map(({ rule }) => rule))].sort();
  if (rules.length > 0) await writeFile(join(staging, "tox.ini"), `[dib-lint]\nignore = ${rules.join(" ")}\n`);
  return findings.map((finding) => `${placeOf(finding)}: ${finding.rule}: ${finding.message}`);
}

const placeOf = ({ file, line }: LintFinding): string => (line === undefined ? file : `${file}:${line}`);
