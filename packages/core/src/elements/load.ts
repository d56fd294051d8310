import { lstat, readdir, readFile, readlink } from "node:fs/promises";
import { join } from "node:path";
import { BuildError } from "../errors.js";
import { canonicalJson, sha256 } from "../plan/digest.js";
import type { Element, ElementFile, ElementRef } from "./element.js";

const leftOut = new Set(["tests", "test-elements", "__pycache__", "node_modules", "src", "dist", ".git", "package.json", "tsconfig.json", "README.md", "README.rst", "dib-manifest.json"]);

/** Reads an element's names and files; runs nothing of it. */
export async function loadElement(ref: ElementRef): Promise<Element> {
  const manifest = ref.package?.manifest;
  const files = await readFiles(ref);
  const dependencies = (await readNames(ref.folder, "element-deps")).map((line) => {
    const at = line.indexOf("@", 1);
    return at === -1 ? { name: line, range: "*" } : { name: line.slice(0, at), range: line.slice(at + 1) };
  });
  const required = Object.entries(manifest?.requires ?? {}).map(([name, range]) => ({ name, range }));
  const own = new Set(Object.keys(manifest?.elements ?? {}));
  const provides = [...(await readNames(ref.folder, "element-provides")), ...(manifest?.provides?.[ref.name] ?? [])];
  return {
    ...ref,
    dependencies: [...dependencies, ...required.filter(({ name }) => !own.has(name) && !dependencies.some((known) => known.name === name))],
    provides: [...new Set(provides)].sort(),
    files,
    digest: sha256(canonicalJson({ files, manifest, version: ref.version })),
    ...(manifest?.entry === undefined || ref.package === undefined ? {} : { entry: join(ref.package.folder, manifest.entry) }),
    ...(manifest?.arch === undefined ? {} : { arch: manifest.arch }),
    hostCommands: manifest?.hostCommands ?? [],
    reads: manifest?.reads ?? [],
    network: manifest?.network ?? [],
    isCacheable: manifest?.cache ?? true,
    variables: manifest?.variables ?? {},
  };
}

/** One name a line; `#` begins a comment. */
async function readNames(folder: string, file: string): Promise<string[]> {
  const text = await readFile(join(folder, file), "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return "";
    throw error;
  });
  return text.split("\n").map((line) => line.replace(/#.*/, "").trim()).filter(Boolean);
}

async function readFiles(ref: ElementRef): Promise<ElementFile[]> {
  const files: ElementFile[] = [];
  for (const name of (await readdir(ref.folder)).sort()) {
    if (!leftOut.has(name) && !name.endsWith(".pyc")) await readInto(files, ref, name);
  }
  return files;
}

async function readInto(files: ElementFile[], ref: ElementRef, path: string): Promise<void> {
  const full = join(ref.folder, path);
  const found = await lstat(full);
  if (found.isDirectory()) {
    const names = (await readdir(full)).sort();
    if (names.length === 0) files.push({ path, kind: "folder", executable: false, digest: "" });
    for (const name of names) await readInto(files, ref, `${path}/${name}`);
  } else if (found.isSymbolicLink()) {
    const linkTarget = await readlink(full);
    files.push({ path, kind: "link", executable: true, digest: sha256(linkTarget), linkTarget });
  } else if (found.isFile()) {
    const content = await readFile(full);
    const executable = ref.package === undefined ? (found.mode & 0o111) !== 0 : content.subarray(0, 2).toString() === "#!";
    files.push({ path, kind: "file", executable, digest: sha256(content) });
  } else {
    throw new BuildError("ELEMENT_FILE_INVALID", { element: ref.name, file: path, reason: "neither a file, a folder nor a link" });
  }
}
