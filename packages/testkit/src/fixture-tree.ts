/** The tree that an element is run on, described as data, and how the worker makes it. */
import { mkdir, rm } from "node:fs/promises";
import { isAbsolute, join, resolve } from "node:path";
import { BuildError, type Exec, type PhaseRun } from "@dibjs/core";
import { writeFiles, type FixtureFiles } from "./fixture-files.js";
import { layTinyRoot, programsOfTinyRoot } from "./tiny-root.js";

/**
 * `"tiny"` is a root of three megabytes with busybox and bash, so that scripts of all phases can run. Several trees are
 * laid over each other, the first one lowest.
 */
export type FixtureTree =
  | "tiny"
  /** Copied with modes, owners and links. */
  | { readonly folder: string }
  /** Compressed or not. */
  | { readonly tar: string }
  | { readonly files: FixtureFiles }
  | readonly FixtureTree[];

export type Layer = Exclude<FixtureTree, readonly FixtureTree[]>;

/** The layers of a tree, lowest first. Relative paths start from `cwd`. Throws USAGE_INVALID. */
export function layersOf(tree: FixtureTree, cwd: string): Layer[] {
  if (Array.isArray(tree)) return (tree as readonly FixtureTree[]).flatMap((each) => layersOf(each, cwd));
  const layer = tree as Layer;
  if (layer === "tiny") return [layer];
  if ("folder" in layer) return [{ folder: resolve(cwd, layer.folder) }];
  if ("tar" in layer) return [{ tar: resolve(cwd, layer.tar) }];
  const wrong = Object.keys(layer.files).find((path) => !isAbsolute(path) || /(^|\/)\.\.?(\/|$)/.test(path));
  if (wrong !== undefined)
    throw new BuildError("USAGE_INVALID", { reason: `"${wrong}" is no absolute path of a file in a fixture tree.` });
  return [layer];
}

/** Programs of the host that a layer is made with. */
export const programsOf = (layer: Layer): readonly { command: string; debian: string; fedora: string }[] =>
  layer === "tiny" ? programsOfTinyRoot : "tar" in layer ? [{ command: "tar", debian: "tar", fedora: "tar" }] : [];

/** As root, in the worker. */
export async function layTree(layers: readonly Layer[], { target, exec, workspace }: PhaseRun): Promise<void> {
  await mkdir(target.path, { recursive: true });
  const unpacked = join(workspace.scratchDir, "testkit-unpacked");
  for (const [index, layer] of layers.entries()) {
    if (layer === "tiny") await layTinyRoot(target, exec);
    else if ("files" in layer) await writeFiles(layer.files, target);
    else if ("folder" in layer) await copyOver(layer.folder, target.path, exec);
    else if (index === 0) await unpack(layer.tar, target.path, exec);
    else {
      await unpack(layer.tar, unpacked, exec); // tar would follow a link of the trees below to a folder of the host
      await copyOver(unpacked, target.path, exec);
      await rm(unpacked, { recursive: true });
    }
  }
}

/** Replaces links instead of writing through them, and fails where a link is in the place of a folder. */
const copyOver = (folder: string, root: string, exec: Exec) =>
  mustRun(exec, "cp", ["--archive", "--remove-destination", "--no-target-directory", folder, root]);

async function unpack(archive: string, folder: string, exec: Exec): Promise<void> {
  await mkdir(folder, { recursive: true });
  await mustRun(exec, "tar", [`--directory=${folder}`, "--numeric-owner", "--xattrs", "--extract", "-f", archive]);
}

async function mustRun(exec: Exec, file: string, args: readonly string[]): Promise<void> {
  const { exitCode, stderr } = await exec(file, args);
  if (exitCode !== 0)
    throw new BuildError("FIXTURE_TREE_FAILED", { doing: [file, ...args].join(" "), reason: stderr.trim() });
}
