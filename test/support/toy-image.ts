/** Builds a toy operating system with elements, and tells what they changed in its tree. */
import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { diffTrees, snapshotTree, type Tree, type TreeEntry } from "@dibjs/testkit";
import { anElement, type ElementFixture } from "./build-fixture.js";
import { copyPrograms } from "./host-programs.js";
import { BuildFolder, type BuildRequest } from "./real-build.js";
import { runOf, withSnapshots } from "./snapshots.js";
import type { RealRun } from "./test-difference.js";

/** Programs of the host that the toy's scripts may use. */
const programs =
  "awk bash basename cat chmod chown cp cut date dirname env find grep head id install ln ls mkdir mktemp mount mv readlink rm sed sh sort stat tail tar tee touch tr true umount xargs sha256sum";

const rootScript = (): string => `set -euo pipefail
mkdir -p "$TARGET_ROOT"/{bin,usr/bin,usr/local/bin,etc,tmp,proc,sys,dev,root,run,var/log,var/lib}
${copyPrograms(programs)}
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
    .script("root.d/10-toy-os", rootScript())
    .script(
      "pre-install.d/02-install-packages",
      `printf '#!/bin/bash\\n%s\\n' '${installPackages}' > /usr/local/bin/install-packages; chmod 755 /usr/local/bin/install-packages`,
    )
    .file("environment.d/10-toy-os", "export DISTRO_NAME=debian DIB_RELEASE=bookworm DIB_INIT_SYSTEM=systemd\n");

/** An unpacked image: what is at an absolute path. */
export class ImageTree extends Map<string, TreeEntry> {
  readonly folder: string;

  constructor(tree: Tree, folder: string) {
    super(Object.entries(tree));
    this.folder = folder;
  }
}

export type ToyRequest = Omit<BuildRequest, "elementPaths"> & { readonly fixtures?: readonly ElementFixture[] };

/** The tree of an image of `toy-os` and the elements asked for, and all that the build said. */
export async function buildToy({
  elements,
  fixtures = [],
  flags = {},
  ...request
}: ToyRequest): Promise<{ tree: ImageTree; folder: BuildFolder; run: RealRun }> {
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
  return { tree: await treeOfTar(`${folder.image}.tar`, join(folder.path, "tree")), folder, run: runOf(folder) };
}

/** Unpacks an archive into a new folder and reads it. */
export async function treeOfTar(archive: string, into: string): Promise<ImageTree> {
  mkdirSync(into);
  execFileSync("tar", ["-C", into, "--numeric-owner", "-xpf", archive]);
  return new ImageTree(await snapshotTree(into), into);
}

/** Paths that differ, sorted. Only files and links count: a folder that is new shows in what it holds. */
export function filesThatDiffer(
  before: ImageTree,
  after: ImageTree,
): Record<"added" | "removed" | "changed", string[]> {
  const { added, deleted, changed } = diffTrees(Object.fromEntries(before), Object.fromEntries(after));
  const files = (paths: object, tree: ImageTree) =>
    Object.keys(paths)
      .filter((path) => tree.get(path)?.kind !== "folder")
      .sort();
  return { added: files(added, after), removed: files(deleted, before), changed: files(changed, after) };
}

/** What a file of the image says, or where a link leads. */
export function textOf(tree: ImageTree, path: string): string {
  const entry = tree.get(path);
  if (entry === undefined) return `there is no ${path}`;
  return entry.kind === "link" ? (entry.content ?? "") : readFileSync(join(tree.folder, path), "utf8");
}
