/** What a package's tarball would lack of its elements, and why. */
import { stat } from "node:fs/promises";
import { join, posix } from "node:path";
import type { ElementManifest } from "../elements/element.js";
import type { PackedManifest } from "../elements/packed-manifest.js";

/** Where `dib pack` keeps files whose names no tarball takes; relative to the package. */
export const asideFolder = "dib-manifest.files";

/** npm leaves these out wherever they are, and `files` can't change it. */
const refusedName = /^(\.gitignore|\.npmignore|\.npmrc)$/;
const junkName = /^(\.DS_Store|\..*\.swp|\._.*|.*\.orig|npm-debug\.log|\.lock-wscript|\.wafpickle-\d+)$/;

export interface LeftOut {
  readonly path: string;
  /** Can be packed under another name, and gets its own back. */
  readonly canMove: boolean;
  readonly reason: string;
  readonly hint: string;
}

/** What must be in a package for its elements to arrive: paths relative to it, under the names they are packed as. */
export async function packedPaths(
  folder: string,
  { elements, entry }: ElementManifest,
  { files }: PackedManifest,
): Promise<string[]> {
  const beside = ["element-deps", "element-provides", "README.md"];
  const told = [
    ...Object.values(elements).flatMap((at) => beside.map((name) => posix.join(at, name))),
    ...(entry === undefined ? [] : [posix.normalize(entry)]),
  ];
  const there = await Promise.all(
    told.map((path) =>
      stat(join(folder, path)).then(
        () => [path],
        () => [],
      ),
    ),
  );
  const contents = files.flatMap(({ kind, path, from = path }) => (kind === "file" ? [from] : []));
  return [...contents, ...there.flat()];
}

/** `wanted`: paths relative to the package that must arrive; `packed`: those that would. */
export function findLeftOut(wanted: readonly string[], packed: ReadonlySet<string>): LeftOut[] {
  return [...new Set(wanted)].filter((path) => !packed.has(path)).map((path) => explain(path, wanted));
}

function explain(path: string, wanted: readonly string[]): LeftOut {
  const name = posix.basename(path);
  if (refusedName.test(name))
    return {
      ...{ path, canMove: true, reason: `npm puts no ${name} into a package` },
      hint: `List "${asideFolder}" in "files": dib pack keeps it there.`,
    };
  if (junkName.test(name) || /(^|\/)(CVS|\.svn|\.hg)\//.test(path))
    return { path, canMove: false, reason: "npm puts no such file into a package", hint: "Delete or rename it." };
  const ignore = ignoreFileAbove(path, wanted);
  return ignore === undefined
    ? { path, canMove: false, reason: 'npm would not pack it: "files" does not name it', hint: filesHint(path) }
    : { path, canMove: false, reason: `npm would not pack it, because of ${ignore}`, hint: `Change ${ignore}.` };
}

const filesHint = (path: string): string => `Add "${path.split("/")[0]}" to "files" in package.json.`;

/** npm obeys such a file also where it is part of what is packed. */
function ignoreFileAbove(path: string, wanted: readonly string[]): string | undefined {
  for (let at = posix.dirname(path); at !== "."; at = posix.dirname(at)) {
    const found = [".npmignore", ".gitignore"].map((name) => `${at}/${name}`).find((file) => wanted.includes(file));
    if (found !== undefined) return found;
  }
  return undefined;
}
