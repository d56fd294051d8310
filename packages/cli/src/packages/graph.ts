/** Who among the project and its element packages asks for which element package, with what range, and gets which copy. */
import { realpath } from "node:fs/promises";
import { join } from "node:path";
import { isUsable, readPackage, trustedFolders, type ElementCatalog, type ElementPackage } from "@dibjs/core";
import { callerUid, directDependencies, readPackageJson } from "./project.js";

export interface PackageNode {
  readonly name: string;
  readonly version: string;
  /** Absolute, links resolved. */
  readonly folder: string;
  readonly elements: readonly string[];
  readonly asks: readonly Ask[];
}

export interface Ask {
  readonly name: string;
  readonly range: string;
  /** Of the copy that the asker gets; undefined when there is none. */
  readonly folder: string | undefined;
}

export interface PackageGraph {
  /** The project itself. */
  readonly root: PackageNode;
  /** By folder: two copies of one package are two nodes. */
  readonly packages: ReadonlyMap<string, PackageNode>;
}

export const projectLabel = "this project";

/** Reads package.json files; runs nothing. */
export async function readPackageGraph(projectDir: string, { refs, shadowed }: ElementCatalog): Promise<PackageGraph> {
  const installed = [...refs.values(), ...shadowed].filter(({ source }) => source === "package");
  const found = new Map(
    installed.flatMap(({ package: from, version }) =>
      from === undefined ? [] : [[from.folder, { ...from, version }]],
    ),
  );
  const nodes = await Promise.all([...found.values()].map(readNode));
  return { root: await readRoot(projectDir), packages: new Map(nodes.map((node) => [node.folder, node])) };
}

async function readNode(from: ElementPackage): Promise<PackageNode> {
  const { name, version, folder, manifest, sees } = from;
  const { dependencies, optionalDependencies, peerDependencies } = await readPackageJson(folder);
  const asked = { ...optionalDependencies, ...dependencies, ...peerDependencies };
  const asks = Object.entries(asked).map(([other, range]) => ({ name: other, range, folder: sees[other] }));
  return { name, version, folder, elements: Object.keys(manifest.elements), asks };
}

async function readRoot(projectDir: string): Promise<PackageNode> {
  const written = await readPackageJson(projectDir);
  const asks = await Promise.all(
    [...directDependencies(written)].map(async ([name, range]) => ({
      name,
      range,
      folder: await findCopy(projectDir, name),
    })),
  );
  return { name: projectLabel, version: written.version ?? "", folder: projectDir, elements: [], asks };
}

/** The real folder of the copy that the project gets of a package. npm and yarn put it above a member of a workspace. */
async function findCopy(projectDir: string, name: string): Promise<string | undefined> {
  for (const folder of new Set([projectDir, ...trustedFolders(projectDir, callerUid())])) {
    const found = await realpath(join(folder, "node_modules", name)).catch(() => undefined);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** The copy that the project gets of a package. Throws what makes it no usable element package; undefined when it is none. */
export async function readInstalled(projectDir: string, name: string): Promise<ElementPackage | undefined> {
  const folder = await findCopy(projectDir, name);
  const found = folder === undefined ? undefined : await readPackage(folder);
  if (found === undefined || isUsable(found)) return found;
  throw found.error;
}

/** Names from the project to each node, the shortest way. */
export function chains({ root, packages }: PackageGraph): ReadonlyMap<string, readonly string[]> {
  const found = new Map<string, readonly string[]>([[root.folder, [projectLabel]]]);
  for (let level = [root]; level.length > 0;) {
    const next: PackageNode[] = [];
    for (const node of level) {
      for (const { folder } of node.asks) {
        const target = folder === undefined ? undefined : packages.get(folder);
        if (target === undefined || found.has(target.folder)) continue;
        found.set(target.folder, [...(found.get(node.folder) ?? []), `${target.name}@${target.version}`]);
        next.push(target);
      }
    }
    level = next;
  }
  return found;
}
