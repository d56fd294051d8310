/** Builds a toy operating system with elements, and tells what they changed in its tree. */
import { execFileSync } from "node:child_process";
import { lstatSync, mkdirSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import { join, relative } from "node:path";
import { anElement, type ElementFixture } from "./build-fixture.js";
import { BuildFolder, type BuildRequest } from "./real-build.js";
import { runOf, withSnapshots } from "./snapshots.js";
import type { RealRun } from "./test-difference.js";

/** Programs of the host that the toy's scripts may use. */
const programs =
  "awk bash basename cat chmod chown cp cut date dirname env find grep head id install ln ls mkdir mount mv readlink rm sed sh sort stat tail tar tee touch tr true umount xargs sha256sum";

const rootScript = `set -euo pipefail
mkdir -p "$TARGET_ROOT"/{bin,usr/bin,usr/local/bin,etc,tmp,proc,sys,dev,root,run,var/log,var/lib}
for program in ${programs}; do
  path=$(readlink -f "$(type -P "$program")")
  install -D "$path" "$TARGET_ROOT/bin/$program"
  { ldd "$path" || true; } | { grep -o '/[^ ]*' || true; } | while read -r library; do
    [ -e "$TARGET_ROOT$library" ] || install -D "$library" "$TARGET_ROOT$library"
  done
done
ln -s ../../bin/env "$TARGET_ROOT/usr/bin/env"
printf 'ID=toy\\n' > "$TARGET_ROOT/etc/os-release"
printf 'root:x:0:0::/root:/bin/bash\\n' > "$TARGET_ROOT/etc/passwd"
printf 'root:x:0:\\n' > "$TARGET_ROOT/etc/group"
`;

/** Notes what it is called with. */
const installPackages = `echo "install-packages $*" >> /var/lib/packages`;

/** Provides operating-system, calls itself Debian, and has an install-packages that installs nothing. */
export const toyOs = (): ElementFixture =>
  anElement("toy-os")
    .provides("operating-system")
    .script("root.d/10-toy-os", rootScript)
    .script(
      "pre-install.d/02-install-packages",
      `printf '#!/bin/bash\\n%s\\n' '${installPackages}' > /usr/local/bin/install-packages; chmod 755 /usr/local/bin/install-packages`,
    )
    .file("environment.d/10-toy-os", "export DISTRO_NAME=debian DIB_RELEASE=bookworm DIB_INIT_SYSTEM=systemd\n");

export interface TreeEntry {
  readonly kind: "file" | "folder" | "link" | "other";
  /** Octal, without the kind. */
  readonly mode: string;
  readonly owner: string;
  /** Text of a file or a link's target; empty for the others. */
  readonly content: string;
}

/** By absolute path in the image. */
export type Tree = ReadonlyMap<string, TreeEntry>;

export type ToyRequest = Omit<BuildRequest, "elementPaths"> & { readonly fixtures?: readonly ElementFixture[] };

/** The tree of an image of `toy-os` and the elements asked for, and all that the build said. */
export async function buildToy({
  elements,
  fixtures = [],
  flags = {},
  ...request
}: ToyRequest): Promise<{ tree: Tree; folder: BuildFolder; run: RealRun }> {
  const folder = await BuildFolder.open();
  const own = join(folder.path, "elements");
  for (const fixture of [toyOs(), ...fixtures]) fixture.writeTo(own);
  try {
    const asked = { ...request, elements: ["toy-os", ...elements], elementPaths: [own] };
    await folder.build(withSnapshots({ ...asked, flags: { base: false, formats: ["tar"], ...flags } }, folder));
  } catch (error) {
    await folder[Symbol.asyncDispose]();
    throw error;
  }
  return { tree: treeOfTar(`${folder.image}.tar`, join(folder.path, "tree")), folder, run: runOf(folder) };
}

/** Unpacks an archive into a new folder and reads it. */
export function treeOfTar(archive: string, into: string): Tree {
  mkdirSync(into);
  execFileSync("tar", ["-C", into, "--numeric-owner", "-xpf", archive]);
  return new Map(walk(into, into));
}

function* walk(root: string, folder: string): Generator<[string, TreeEntry]> {
  for (const name of readdirSync(folder).sort()) {
    const path = join(folder, name);
    const stat = lstatSync(path);
    const kind = stat.isFile() ? "file" : stat.isDirectory() ? "folder" : stat.isSymbolicLink() ? "link" : "other";
    const entry = { kind, mode: (stat.mode & 0o7777).toString(8), owner: `${stat.uid}:${stat.gid}` } as const;
    // Read when asked for: a distribution has many files, and a test looks at few.
    yield [
      `/${relative(root, path)}`,
      {
        ...entry,
        get content() {
          return contentOf(path, kind);
        },
      },
    ];
    if (kind === "folder") yield* walk(root, path);
  }
}

function contentOf(path: string, kind: TreeEntry["kind"]): string {
  if (kind === "link") return readlinkSync(path);
  return kind === "file" ? readFileSync(path, "utf8") : "";
}

export interface TreeDifference {
  readonly added: readonly string[];
  readonly removed: readonly string[];
  readonly changed: readonly string[];
}

/** Paths that differ, sorted. Only files and links count: a folder that is new shows in what it holds. */
export function diffTrees(before: Tree, after: Tree): TreeDifference {
  const names = (tree: Tree) => [...tree].filter(([, { kind }]) => kind !== "folder").map(([path]) => path);
  const isSame = (path: string) => JSON.stringify(before.get(path)) === JSON.stringify(after.get(path));
  return {
    added: names(after).filter((path) => !before.has(path)),
    removed: names(before).filter((path) => !after.has(path)),
    changed: names(after).filter((path) => before.has(path) && !isSame(path)),
  };
}

/** What a file of the image says. */
export const textOf = (tree: Tree, path: string): string => tree.get(path)?.content ?? `there is no ${path}`;
