/** The files that dib-lint looks at, each read once. */
import { readdir, readFile, stat } from "node:fs/promises";
import { join, resolve } from "node:path";
import type { Exec } from "../../process/exec.js";
import { compareBytes } from "../../phases/order.js";
import type { SourceFile } from "../source.js";

export interface Tree {
  /** In the order of their paths, which begin as the folder was written. */
  readonly files: readonly SourceFile[];
  /** Folders right below. */
  readonly elements: readonly string[];
  /** Everything whose name ends in .md. */
  readonly markdown: readonly string[];
}

export const isThere = (path: string, cwd: string): Promise<boolean> =>
  stat(resolve(cwd, path)).then(
    () => true,
    () => false,
  );

/** Empty when there is no such folder. Links are not followed. */
export async function readTree(written: string, cwd: string): Promise<Tree> {
  const root = resolve(cwd, written);
  const found = await readdir(root, { recursive: true, withFileTypes: true }).catch(() => []);
  const entries = found
    .map((entry) => ({ entry, path: join(entry.parentPath, entry.name).slice(join(root, "/").length) }))
    .map(({ entry, path }) => ({
      entry,
      path: written.endsWith("/") ? `${written}${path}` : `${written}/${path}`,
      below: path,
    }))
    .sort((a, b) => compareBytes(a.path, b.path));
  return {
    files: await Promise.all(
      entries.filter(({ entry }) => entry.isFile()).map(({ path, below }) => readOne(join(root, below), path, below)),
    ),
    elements: entries.filter(({ entry, below }) => entry.isDirectory() && !below.includes("/")).map(({ path }) => path),
    markdown: entries.filter(({ path }) => path.endsWith(".md")).map(({ path }) => path),
  };
}

async function readOne(full: string, path: string, below: string): Promise<SourceFile> {
  const [{ mode, nlink }, text] = [await stat(full), (await readFile(full)).toString()];
  const [element = "", ...inside] = below.split("/");
  return {
    ...{ path, element, inElement: inside.join("/"), kind: "file", mode: mode & 0o7777, names: nlink, text },
    lines: text === "" ? [] : text.replace(/\n$/, "").split("\n"),
  };
}

/** Those that git ignores. Of no file is that known where there is no git, or no work tree of it. */
export async function ignoredByGit(
  files: readonly SourceFile[],
  { cwd, exec, env }: { cwd: string; exec: Exec; env: Readonly<Record<string, string>> },
): Promise<ReadonlySet<string>> {
  const input = files.map(({ path }) => `${path}\0`).join("");
  const { stdout } = await exec("git", ["check-ignore", "-z", "--stdin"], { cwd, env, input });
  return new Set(stdout.split("\0").filter(Boolean));
}
