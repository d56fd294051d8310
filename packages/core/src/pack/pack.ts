/**
 * What `prepack` runs: looks whether the elements would survive a tarball, and writes beside package.json what a tarball
 * can't carry. Files that it refuses by name are kept aside, in a folder that may go in.
 */
import { copyFile, mkdir, rm, stat, writeFile } from "node:fs/promises";
import { join, posix } from "node:path";
import { isUsable, readPackage, type ElementPackage } from "../elements/package.js";
import { describePackage, formatPackedManifest, type PackedManifest } from "../elements/packed-manifest.js";
import { BuildError, throwFindings } from "../errors.js";
import { asideFolder, findLeftOut, packedPaths, type LeftOut } from "./left-out.js";
import { listPacked, type PackTools } from "./packed-list.js";

export interface PackRequest extends PackTools {
  readonly folder: string;
}

export interface PackReport {
  readonly name: string;
  readonly version: string;
  /** Absolute: the manifest that was written. */
  readonly file: string;
  readonly elements: readonly string[];
  readonly files: number;
  readonly links: number;
  readonly emptyFolders: number;
  /** Files that are kept aside under another name. */
  readonly aside: readonly string[];
  /** What was not checked, and why. */
  readonly notes: readonly string[];
}

/** Throws ELEMENT_PACKAGE_MISSING and, for each thing that would not arrive, PACK_REFUSED; nothing is written then. */
export async function packElements({ folder, exec, env }: PackRequest): Promise<PackReport> {
  const found = await readElementPackage(folder);
  const { manifest } = found.manifest;
  if (manifest === undefined)
    throw refused(found, {
      path: "package.json",
      reason: "the manifest names no file for what a tarball loses",
      hint: `Add "manifest": "./dib-manifest.json" to "dib".`,
    });
  const file = join(found.folder, manifest);
  await remove(found.folder, file);
  await checkBuilt(found);
  throwFindings((await findLosses(found.folder)).map((loss) => refused(found, loss)));
  try {
    return await write(found, file, { exec, env });
  } catch (error) {
    await remove(found.folder, file);
    throw error;
  }
}

/** Throws ELEMENT_PACKAGE_MISSING, and what is wrong with its manifest. */
export async function readElementPackage(folder: string): Promise<ElementPackage> {
  const found = await readPackage(folder);
  if (found === undefined) throw new BuildError("ELEMENT_PACKAGE_MISSING", { folder });
  if (!isUsable(found)) throw found.error;
  return found;
}

async function checkBuilt(found: ElementPackage): Promise<void> {
  const { entry } = found.manifest;
  const isThere = entry === undefined || (await stat(join(found.folder, entry)).catch(() => undefined))?.isFile();
  if (isThere !== true)
    throw refused(found, {
      ...{ path: entry ?? "", reason: "the manifest names it as the plugin, and it is not there" },
      hint: "Build the package first.",
    });
}

async function remove(folder: string, file: string): Promise<void> {
  await rm(file, { force: true });
  await rm(join(folder, asideFolder), { recursive: true, force: true });
}

/** What can be seen in the work tree alone. */
async function findLosses(folder: string) {
  const [{ readSource }, { lossesOf }] = await Promise.all([
    import("../lint/source.js"),
    import("../lint/rules/tarball.js"),
  ]);
  return lossesOf(await readSource(folder, new Map()));
}

const refused = ({ name }: ElementPackage, { path, reason, hint }: Pick<LeftOut, "path" | "reason" | "hint">) =>
  new BuildError("PACK_REFUSED", { package: name, file: path, reason, hint });

/** The manifest lies there when npm is asked, so that it is seen to be packed itself. */
async function write(found: ElementPackage, file: string, tools: PackTools): Promise<PackReport> {
  const { folder } = found;
  const described = await describePackage(found);
  await writeFile(file, formatPackedManifest(described));
  const manifestPath = posix.normalize(found.manifest.manifest ?? "");
  const wanted = [manifestPath, ...(await packedPaths(folder, found.manifest, described))];
  const list = await listPacked(folder, tools);
  const leftOut = list === undefined ? [] : findLeftOut(wanted, list);
  throwFindings(leftOut.filter(({ canMove }) => !canMove).map((each) => refused(found, each)));
  const packed = leftOut.length === 0 ? described : await setAside(folder, described, leftOut);
  if (packed !== described) {
    await writeFile(file, formatPackedManifest(packed));
    if (!(await arePacked(found, packed, tools))) throwFindings(leftOut.map((each) => refused(found, each)));
  }
  return report(found, file, packed, list !== undefined);
}

async function arePacked({ folder, manifest }: ElementPackage, packed: PackedManifest, tools: PackTools) {
  const list = (await listPacked(folder, tools)) ?? new Set();
  return (await packedPaths(folder, manifest, packed)).every((path) => list.has(path));
}

/** Copies named by content, so that the same files give the same package. */
async function setAside(folder: string, packed: PackedManifest, leftOut: readonly LeftOut[]): Promise<PackedManifest> {
  const moving = new Set(leftOut.map(({ path }) => path));
  await mkdir(join(folder, asideFolder), { recursive: true });
  const files = await Promise.all(
    packed.files.map(async (file) => {
      const from = file.from ?? file.path;
      if (file.kind !== "file" || !moving.has(from)) return file;
      const to = `${asideFolder}/${file.digest}`;
      await copyFile(join(folder, from), join(folder, to));
      return { ...file, from: to };
    }),
  );
  return { ...packed, files };
}

function report(
  { name, version, manifest }: ElementPackage,
  file: string,
  packed: PackedManifest,
  isChecked: boolean,
): PackReport {
  const count = (kind: string) => packed.files.filter((each) => each.kind === kind).length;
  return {
    ...{ name, version, file, elements: Object.keys(manifest.elements) },
    files: count("file"),
    links: count("link"),
    emptyFolders: count("folder"),
    aside: packed.files.flatMap(({ path, from }) => (from?.startsWith(`${asideFolder}/`) === true ? [path] : [])),
    notes: isChecked ? [] : ["npm is not installed: whether it would pack every file was not checked"],
  };
}
