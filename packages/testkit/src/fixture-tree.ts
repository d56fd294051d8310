/** The tree that an element is run on, described as data, and how the worker makes it. */
import { mkdir } from "node:fs/promises";
import { isAbsolute, resolve } from "node:path";
import { BuildError, type Exec } from "@dibjs/core";
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
  const wrong = Object.keys(layer.files).find((path) => !isAbsolute(path) || path.split("/").includes(".."));
  if (wrong !== undefined)
    throw new BuildError("USAGE_INVALID", { reason: `"${wrong}" is no absolute path of a file in a fixture tree.` });
  return [layer];
}

/** Programs of the host that a layer is made with. */
export const programsOf = (layer: Layer): readonly { command: string; debian: string; fedora: string }[] =>
  layer === "tiny" ? programsOfTinyRoot : "tar" in layer ? [{ command: "tar", debian: "tar", fedora: "tar" }] : [];

/** As root, in the worker. */
export async function layTree(layers: readonly Layer[], root: string, exec: Exec): Promise<void> {
  await mkdir(root, { recursive: true });
  for (const layer of layers) {
    if (layer === "tiny") await layTinyRoot(root, exec);
    else if ("files" in layer) await writeFiles(layer.files, root);
    else if ("folder" in layer) await mustRun(exec, "cp", ["--archive", "--no-target-directory", layer.folder, root]);
    else
      await mustRun(exec, "tar", [`--directory=${root}`, "--numeric-owner", "--xattrs", "--extract", "-f", layer.tar]);
  }
}

async function mustRun(exec: Exec, file: string, args: readonly string[]): Promise<void> {
  const { exitCode, stderr } = await exec(file, args);
  if (exitCode !== 0)
    throw new BuildError("FIXTURE_TREE_FAILED", { doing: [file, ...args].join(" "), reason: stderr.trim() });
}
