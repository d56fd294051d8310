/**
 * dib-manifest.json: what a tarball would lose of an element package. Package managers write every file with one mode,
 * and drop links and empty folders. It is written when a package is packed and read by the build.
 */
import { lstat, realpath } from "node:fs/promises";
import { dirname, join, posix, relative, resolve } from "node:path";
import { BuildError, reasonOf, throwFindings } from "../errors.js";
import { compareBytes } from "../phases/order.js";
import { canonicalJson } from "../plan/digest.js";
import type { ElementFile } from "./element.js";
import {
  astray,
  digestFile,
  invalid,
  isInPhaseFolder,
  isInside,
  isMerged,
  openingOf,
  readElementFiles,
  type ElementTree,
} from "./files.js";
import { elementFolders } from "./manifest.js";
import type { ElementPackage } from "./package.js";
import { maxPackedManifestBytes, readLimited, TooLarge } from "./read-limited.js";
import { boolean, listOf, oneOf, pathInside, record, text } from "./shape.js";

const packedFile = record(
  /** Relative to the package. */
  { path: pathInside, kind: oneOf(["file", "link", "folder"]), executable: boolean, digest: text() },
  { linkTarget: text(), from: pathInside },
);
const shape = record({ version: oneOf([1]), files: listOf(packedFile) });

export interface PackedManifest {
  readonly version: 1;
  readonly files: readonly Pick<ElementFile, "path" | "kind" | "executable" | "digest" | "linkTarget" | "from">[];
}

/** Undefined when the package has none: it is used from its source. Throws ELEMENT_MANIFEST_INVALID. */
export async function readPackedManifest({
  folder,
  manifest,
}: Pick<ElementPackage, "folder" | "manifest">): Promise<PackedManifest | undefined> {
  if (manifest.manifest === undefined) return undefined;
  const file = join(folder, manifest.manifest);
  const content = readLimited(file, maxPackedManifestBytes);
  if (content === undefined) return undefined;
  if (content instanceof TooLarge)
    throw new BuildError("ELEMENT_MANIFEST_INVALID", { file, key: "", reason: content.reason });
  const packed = parseJson(content, file);
  const flaw = shape(packed);
  if (flaw !== undefined) throw new BuildError("ELEMENT_MANIFEST_INVALID", { file, ...flaw });
  return packed as PackedManifest;
}

function parseJson(content: string, file: string): unknown {
  try {
    return JSON.parse(content);
  } catch (cause) {
    throw new BuildError("ELEMENT_MANIFEST_INVALID", { file, key: "", reason: reasonOf(cause) }, { cause });
  }
}

/** An element's files by a packed manifest. `at` is its folder relative to the package, `.` for the package itself. */
export async function restoreFiles(packed: PackedManifest, at: string, tree: ElementTree): Promise<ElementFile[]> {
  const prefix = at === "." ? "" : `${at}/`;
  const findings: BuildError[] = [];
  const own = packed.files.filter(
    ({ path }) => path.startsWith(prefix) && isMerged(path.slice(prefix.length).split("/")[0] ?? "", tree),
  );
  const files = await Promise.all(
    own.map(({ from, ...file }) => {
      const origin = from === undefined ? {} : { from: posix.relative(at, from) };
      return restoreFile({ ...file, ...origin, path: file.path.slice(prefix.length) }, tree, findings);
    }),
  );
  throwFindings(findings);
  return files.sort((a, b) => compareBytes(a.path, b.path));
}

async function restoreFile(file: ElementFile, tree: ElementTree, findings: BuildError[]): Promise<ElementFile> {
  const { path, kind, digest, linkTarget = "" } = file;
  if (
    kind === "link" &&
    !path.startsWith("static/") &&
    !isInside(resolve(tree.folder, dirname(path), linkTarget), tree)
  )
    findings.push(astray(path, linkTarget, tree));
  if (kind !== "file") return file;
  const full = join(tree.folder, file.from ?? path);
  const found = await lstat(full).catch(() => undefined);
  const wrong = (reason: string) => void findings.push(invalid(tree, path, reason));
  if (found === undefined || !found.isFile()) {
    wrong("the packed manifest names it, and it is not there");
    return file;
  }
  const read = await digestFile(full, found.size);
  if (read.digest !== digest)
    wrong("it was changed after the package was packed: pack it again, or remove its packed manifest");
  return isInPhaseFolder(path) ? { ...file, opening: openingOf(read.head) } : file;
}

/** Reads what `dib pack` is to write for a package, from a work tree with its modes and links. */
export async function describePackage({
  folder,
  manifest,
}: Pick<ElementPackage, "folder" | "manifest">): Promise<PackedManifest> {
  const folders = elementFolders(manifest);
  const files = await Promise.all(
    folders.map(async ({ element, at }) => {
      const tree: ElementTree = {
        element,
        folder: join(folder, at),
        home: folder,
        hasModes: true,
        isPackageRoot: at === ".",
        others: othersBelow(at, folders),
      };
      const found = await readElementFiles(tree);
      return Promise.all(
        found.map(({ opening: _, ...file }) => withOrigin({ ...file, path: posix.join(at, file.path) }, folder)),
      );
    }),
  );
  return { version: 1, files: files.flat().sort((a, b) => compareBytes(a.path, b.path)) };
}

/** Tarballs drop links: a file that one leads to is read where it really lies. */
async function withOrigin<F extends { path: string; kind: string }>(file: F, folder: string): Promise<F> {
  if (file.kind !== "file") return file;
  const real = relative(await realpath(folder), await realpath(join(folder, file.path)));
  return real === file.path ? file : { ...file, from: real };
}

/** First path segments below an element's folder that lead to other elements of its package. */
export function othersBelow(at: string, folders: readonly { readonly at: string }[]): string[] {
  const prefix = at === "." ? "" : `${at}/`;
  return folders.flatMap((other) =>
    other.at !== at && other.at !== "." && other.at.startsWith(prefix)
      ? [other.at.slice(prefix.length).split("/")[0] ?? ""]
      : [],
  );
}

/** The text of a packed manifest: the same bytes for the same package. */
export const formatPackedManifest = (packed: PackedManifest): string => `${canonicalJson(packed)}\n`;
