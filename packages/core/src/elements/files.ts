/**
 * The files of an element as the build merges them: its sub-directories and its top-level files, but nothing that only
 * serves its development. Links are followed and end up as what they lead to, and must not lead out of the element
 * (of a package's element: out of the package). Below `static` they are part of the image's content: kept as they are.
 * Calls that take no time are made at once: with thousands of files, a promise for each takes longer than all the calls.
 */
import { createHash } from "node:crypto";
import {
  createReadStream,
  lstatSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  statSync,
  type Stats,
} from "node:fs";
import { dirname, join, resolve, sep } from "node:path";
import { BuildError } from "../errors.js";
import { compareBytes } from "../phases/order.js";
import { phaseNames } from "../phases/table.js";
import { sha256 } from "../plan/digest.js";
import type { ElementFile, Opening } from "./element.js";

export interface ElementTree {
  readonly element: string;
  /** Absolute. */
  readonly folder: string;
  /** Absolute, links resolved: what links may lead to. */
  readonly home: string;
  /** The executable bit says what is a script; else the content does, since package managers lose the bit. */
  readonly hasModes: boolean;
  /** The folder also holds a package.json: what belongs to the package is left out. */
  readonly isPackageRoot: boolean;
  /** Folders of the same package's other elements, relative to `folder`. */
  readonly others: readonly string[];
}

/** Sorted by path. Throws ELEMENT_FILE_INVALID for devices, FIFOs and links that lead astray. */
export async function readElementFiles(tree: ElementTree): Promise<ElementFile[]> {
  const names = readdirSync(tree.folder).filter((name) => isMerged(name, tree));
  const files = await Promise.all(names.map((name) => readEntry(name, tree, [tree.home])));
  return files.flat().sort((a, b) => compareBytes(a.path, b.path));
}

/** DIB merges all but `tests`; what an element is developed with comes in no image either. */
export function isMerged(
  name: string,
  { isPackageRoot, others }: Pick<ElementTree, "isPackageRoot" | "others">,
): boolean {
  if (name.startsWith(".") || neverMerged.test(name) || others.includes(name)) return false;
  return !(isPackageRoot && ofThePackage.test(name));
}
const neverMerged =
  /^(tests|test-elements|__pycache__|node_modules|element-deps|element-provides|README(\..*)?|.*\.pyc)$/;
const ofThePackage =
  /^(src|dist|package\.json|package-lock\.json|pnpm-lock\.yaml|yarn\.lock|dib-manifest\.(json|files)|tsconfig.*\.json|(LICEN[CS]E|CHANGELOG|NOTICE)(\..*)?|.*\.[cm]?[jt]s)$/;

/** `inside`: real folders that the walk is in, to see a link that leads back. */
async function readEntry(path: string, tree: ElementTree, inside: readonly string[]): Promise<ElementFile[]> {
  const full = join(tree.folder, path);
  const found = lstatSync(full);
  if (!found.isSymbolicLink()) return readPlain(path, full, found, tree, inside);
  const target = readlinkSync(full);
  const link: ElementFile = { path, kind: "link", executable: false, digest: sha256(target), linkTarget: target };
  if (path.startsWith("static/")) return [link];
  const real = followInside(path, full, target, tree);
  return real === undefined ? [link] : readPlain(path, real, statSync(real), tree, inside);
}

/** The real path of what a link leads to; undefined when there is nothing. */
function followInside(path: string, full: string, target: string, tree: ElementTree): string | undefined {
  // By its text first, so that the answer does not depend on what this machine has there.
  if (!isInside(resolve(realpathSync.native(dirname(full)), target), tree)) throw astray(path, target, tree);
  const real = realPathOf(path, full, tree);
  if (real !== undefined && !isInside(real, tree)) throw astray(path, target, tree);
  return real;
}

export const isInside = (place: string, { home }: Pick<ElementTree, "home">): boolean =>
  place === home || place.startsWith(home + sep);

export const astray = (path: string, target: string, tree: ElementTree): BuildError =>
  invalid(tree, path, `the link to ${target} leads out of the ${tree.isPackageRoot ? "package" : "element"}`);

function realPathOf(path: string, full: string, tree: ElementTree): string | undefined {
  try {
    return realpathSync.native(full);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT") return undefined;
    if (code === "ELOOP") throw invalid(tree, path, "the link leads back to itself");
    throw error;
  }
}

async function readPlain(
  path: string,
  full: string,
  found: Stats,
  tree: ElementTree,
  inside: readonly string[],
): Promise<ElementFile[]> {
  if (found.isFile()) return [await readFileOf(path, full, found, tree)];
  if (!found.isDirectory()) throw invalid(tree, path, "it is neither a file, a folder nor a link");
  if (inside.includes(full)) throw invalid(tree, path, "the link leads back to a folder it is in");
  // DIB lists folders with `ls`: what is hidden directly below one is not taken.
  const names = readdirSync(full).filter((name) => path.includes("/") || !name.startsWith("."));
  if (names.length === 0) return [{ path, kind: "folder", executable: false, digest: "" }];
  const files = await Promise.all(names.map((name) => readEntry(`${path}/${name}`, tree, [...inside, full])));
  return files.flat();
}

async function readFileOf(
  path: string,
  full: string,
  { mode, size }: Stats,
  { hasModes }: ElementTree,
): Promise<ElementFile> {
  const { digest, head } = await digestFile(full, size);
  const opening = openingOf(head);
  const executable = hasModes ? (mode & 0o111) !== 0 : ["script", "script-crlf", "elf"].includes(opening);
  return { path, kind: "file", executable, digest, ...(isInPhaseFolder(path) ? { opening } : {}) };
}

const readWholeBytes = 2 ** 20;

/** sha256 of a file and its first bytes. */
export async function digestFile(full: string, sizeBytes: number): Promise<{ digest: string; head: Uint8Array }> {
  if (sizeBytes <= readWholeBytes) {
    const content = readFileSync(full);
    return { digest: sha256(content), head: content.subarray(0, headBytes) };
  }
  const hash = createHash("sha256");
  let head: Uint8Array | undefined;
  for await (const chunk of createReadStream(full) as AsyncIterable<Buffer>) {
    head ??= chunk.subarray(0, headBytes);
    hash.update(chunk);
  }
  return { digest: hash.digest("hex"), head: head ?? new Uint8Array() };
}
const headBytes = 4096;

export function openingOf(head: Uint8Array): Opening {
  const text = Buffer.from(head).toString("latin1");
  if (text === "") return "empty";
  if (text.startsWith("\x7fELF")) return "elf";
  if (!text.startsWith("#!")) return "other";
  return /^[^\n]*\r\n/.test(text) ? "script-crlf" : "script";
}

const phaseFolders: ReadonlySet<string> = new Set(phaseNames.map((name) => `${name}.d`));

/** Directly in a phase folder; below that, a script is what another script makes of it. */
export function isInPhaseFolder(path: string): boolean {
  const [folder = "", name, ...below] = path.split("/");
  return phaseFolders.has(folder) && name !== undefined && below.length === 0;
}

export const invalid = ({ element }: Pick<ElementTree, "element">, file: string, reason: string, hint?: string) =>
  new BuildError("ELEMENT_FILE_INVALID", { element, file, reason, hint });
