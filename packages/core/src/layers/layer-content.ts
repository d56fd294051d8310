/** The files of a layer as they lie in a store: a folder to build on, or an archive. */
import { copyFile, mkdir, rename } from "node:fs/promises";
import { join } from "node:path";
import { copy, ensureDir } from "fs-extra/esm";
import type { BuildContext } from "../context.js";
import { mustRun } from "../process/exec.js";
import type { Layer } from "./layer.js";
import { aside, digestTree } from "./tree-digest.js";

/** What a layer is made from: a tree, one in the store itself that may be moved, or the archive of one; and the files that the phase wrote into the hook folder. */
export type LayerSource = ({ readonly tree: string } | { readonly moved: string } | { readonly archive: string }) & {
  readonly hooksDir: string;
};

type Services = Pick<BuildContext, "exec" | "signal">;

/** Of a layer's folder. */
export const archiveName = "tree.tar.zst";

/** Throws when an archive is not of the tree that the layer is described with. */
export async function writeContent(
  { hooks, treeDigest }: Pick<Layer, "hooks" | "treeDigest">,
  from: LayerSource,
  { form, folder }: { readonly form: Layer["form"]; readonly folder: string },
  ctx: Services,
): Promise<void> {
  const tree = join(folder, "tree");
  if ("moved" in from) await (form === "folder" ? rename(from.moved, tree) : pack(from.moved, folder, ctx));
  else if ("tree" in from) await (form === "folder" ? copyTree(from.tree, tree, ctx) : pack(from.tree, folder, ctx));
  else if (form === "packed") await copyFile(from.archive, join(folder, archiveName));
  else {
    await mkdir(tree);
    await unpackTree(from.archive, tree, ctx);
    if ((await digestTree(tree, ctx.exec, ctx.signal)) !== treeDigest)
      throw new Error(`${from.archive} is not the archive of the tree that is described beside it`);
  }
  await ensureDir(join(folder, "hooks"));
  for (const path of hooks.written) await copy(join(from.hooksDir, path), join(folder, "hooks", path));
}

async function copyTree(tree: string, to: string, { exec, signal }: Services): Promise<void> {
  await mkdir(to);
  await mustRun(exec, ...aside("cp", ["-a", "--reflink=auto", "--sparse=auto", "--", `${tree}/.`, to]), { signal });
}

const everything = ["--xattrs", "--xattrs-include=*", "--acls", "--numeric-owner"];

async function pack(tree: string, folder: string, { exec, signal }: Services): Promise<void> {
  const how = ["--format=pax", ...everything, "--sparse", "-I", "zstd -T0 -1"];
  await mustRun(exec, "tar", [...how, "-cf", join(folder, archiveName), "-C", tree, "."], { signal });
}

/** Into a folder that is there and empty. */
export async function unpackTree(archive: string, to: string, { exec, signal }: Services): Promise<void> {
  await mustRun(exec, "tar", ["-C", to, ...everything, "-I", "zstd -d", "-xpf", archive], { signal });
}
