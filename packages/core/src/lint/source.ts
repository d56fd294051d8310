/** What lint looks at: a package, one element, or a folder of elements; every file is read once. */
import { lstat, readdir, readFile, readlink, realpath } from "node:fs/promises";
import { basename, join, posix, resolve } from "node:path";
import type { ElementRef, ElementRelations } from "../elements/element.js";
import { elementFolders } from "../elements/manifest.js";
import { isElementName } from "../elements/name.js";
import { isUsable, readPackage, type ElementPackage } from "../elements/package.js";
import { readRelations } from "../elements/relations.js";
import { BuildError, isBuildError } from "../errors.js";
import { compareBytes } from "../phases/order.js";
import { phaseNames } from "../phases/table.js";

export interface SourceFile {
  /** Relative to the folder that is checked. */
  readonly path: string;
  /** Relative to its element. */
  readonly inElement: string;
  readonly element: string;
  readonly kind: "file" | "link" | "folder" | "other";
  readonly mode: number;
  /** Names that this file has on disk. */
  readonly names: number;
  readonly linkTarget?: string | undefined;
  /** Empty for what is not text. */
  readonly text: string;
  readonly lines: readonly string[];
}

export interface SourceElement {
  readonly name: string;
  /** Relative to the folder that is checked, `.` for itself. */
  readonly at: string;
  readonly files: readonly SourceFile[];
  /** Undefined when its own files say it wrong, which is a finding. */
  readonly relations: ElementRelations | undefined;
}

export interface WrittenPackage {
  readonly name?: string;
  readonly description?: string;
  readonly keywords?: readonly string[];
  readonly files?: readonly string[];
  readonly scripts?: Readonly<Record<string, string>>;
  readonly exports?: unknown;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
}

export interface SourcePackage extends ElementPackage {
  readonly written: WrittenPackage;
}

export interface LintSource {
  /** Absolute. */
  readonly folder: string;
  readonly package: SourcePackage | undefined;
  readonly elements: readonly SourceElement[];
  /** What could not be read, and is a finding. */
  readonly broken: readonly BuildError[];
  /** The package's own, beside its package.json. */
  readonly readme: Pick<SourceFile, "path" | "text"> | undefined;
  /** Elements known from elsewhere, by name. */
  readonly known: ReadonlyMap<string, ElementRelations>;
}

export type KnownElements = LintSource["known"];

/** Throws LINT_NOTHING_FOUND. */
export async function readSource(written: string, known: KnownElements): Promise<LintSource> {
  const folder = await realpath(written).catch(() => resolve(written));
  const found = await readPackage(folder);
  if (found !== undefined && !isUsable(found))
    return { folder, package: undefined, elements: [], broken: [found.error], readme: undefined, known };
  const refs = found === undefined ? await plainElements(folder) : refsOf(found);
  if (refs.length === 0) throw new BuildError("LINT_NOTHING_FOUND", { folder });
  const broken: BuildError[] = [];
  const others = refs.map((ref) => ref.at);
  const elements = await Promise.all(refs.map((ref) => readElement(ref, others, broken)));
  return {
    folder,
    package: found === undefined ? undefined : { ...found, written: await readWritten(folder) },
    elements,
    broken,
    readme: found === undefined ? undefined : await readReadme(folder),
    known,
  };
}

type PlacedRef = ElementRef & { readonly at: string };

const refsOf = ({ version, ...from }: ElementPackage): PlacedRef[] =>
  elementFolders(from.manifest).map(({ element: name, at }) => ({
    ...{ name, at, version, source: "package", package: from, folder: join(from.folder, at) },
  }));

/** The folder itself when it looks like an element, else its sub-folders. */
async function plainElements(folder: string): Promise<PlacedRef[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
  const plain = (name: string, at: string): PlacedRef => ({
    ...{ name, at, folder: join(folder, at), source: "elements-path", version: "0.0.0-local" },
  });
  if (entries.some(({ name }) => isOfElement(name))) return [plain(basename(folder), ".")];
  return entries
    .filter((entry) => entry.isDirectory() && isElementName(entry.name) && !isMade(entry.name))
    .map(({ name }) => plain(name, name))
    .sort((a, b) => compareBytes(a.name, b.name));
}

const ofElement = new Set([
  ...phaseNames.map((name) => `${name}.d`),
  ...["environment.d", "element-deps", "element-provides", "package-installs.yaml", "README.rst"],
]);
const isOfElement = (name: string): boolean => ofElement.has(name);

/** What tools leave in a work tree. */
export const isMade = (name: string): boolean => /^(node_modules|__pycache__|\.git|.*\.pyc)$/.test(name);

async function readElement(ref: PlacedRef, others: readonly string[], broken: BuildError[]): Promise<SourceElement> {
  const { name, at, folder } = ref;
  const isOther = (path: string) => path !== at && others.includes(path);
  const files = await readFiles(folder, { name, at, isOther }, "");
  const relations = await readRelations(ref).catch((error: unknown) => {
    if (!isBuildError(error)) throw error;
    broken.push(error);
    return undefined;
  });
  return { name, at, files, relations };
}

interface Walk {
  readonly name: string;
  readonly at: string;
  readonly isOther: (path: string) => boolean;
}

async function readFiles(folder: string, walk: Walk, below: string): Promise<SourceFile[]> {
  const entries = await readdir(join(folder, below)).catch(() => []);
  const files = await Promise.all(
    entries
      .filter((name) => !isMade(name) && !walk.isOther(posix.join(walk.at, below, name)))
      .sort(compareBytes)
      .map((name) => readOne(folder, walk, posix.join(below, name))),
  );
  return files.flat();
}

const readTextBytes = 2 ** 20;

async function readOne(folder: string, walk: Walk, inElement: string): Promise<SourceFile[]> {
  const full = join(folder, inElement);
  const found = await lstat(full);
  const kind = found.isFile() ? "file" : found.isDirectory() ? "folder" : found.isSymbolicLink() ? "link" : "other";
  const content = kind === "file" && found.size <= readTextBytes ? await readFile(full) : Buffer.alloc(0);
  const text = content.includes(0) ? "" : content.toString();
  const file: SourceFile = {
    ...{ path: posix.join(walk.at, inElement), inElement, element: walk.name, kind, text },
    mode: found.mode & 0o7777,
    names: kind === "file" ? found.nlink : 1,
    linkTarget: kind === "link" ? await readlink(full) : undefined,
    lines: text === "" ? [] : text.replace(/\n$/, "").split("\n"),
  };
  return kind === "folder" ? [file, ...(await readFiles(folder, walk, inElement))] : [file];
}

const readWritten = async (folder: string): Promise<WrittenPackage> =>
  JSON.parse((await readFile(join(folder, "package.json"), "utf8")).replace(/^\uFEFF/, "")) as WrittenPackage;

async function readReadme(folder: string): Promise<LintSource["readme"]> {
  const text = await readFile(join(folder, "README.md"), "utf8").catch(() => undefined);
  return text === undefined ? undefined : { path: "README.md", text };
}

/** All files of all elements. */
export const filesOf = ({ elements }: LintSource): SourceFile[] => elements.flatMap(({ files }) => files);

export const isExecutable = ({ mode }: SourceFile): boolean => (mode & 0o111) !== 0;

/** The first line, when the file is a script. */
export const shebangOf = ({ lines: [first = ""] }: SourceFile): string => (first.startsWith("#!") ? first : "");

export const isBash = (file: SourceFile): boolean => /bash/.test(shebangOf(file));

export const isPython = (file: SourceFile): boolean => /python/.test(shebangOf(file)) || file.path.endsWith(".py");
