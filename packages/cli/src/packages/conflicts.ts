/**
 * What in a project can't go together: ranges of packages that nothing satisfies, since pnpm, yarn and npm's
 * --legacy-peer-deps install them all the same, and ranges of elements.
 */
import intersects from "semver/ranges/intersects.js";
import satisfies from "semver/functions/satisfies.js";
import validRange from "semver/ranges/valid.js";
import {
  checkInstalled,
  discoverElements,
  isBuildError,
  loadConfig,
  resolveElements,
  type BuildConfig,
  type BuildError,
  type ElementCatalog,
} from "@dibjs/core";
import { toLoadRequest } from "../options.js";
import type { Asker, NpmConflict } from "./eresolve.js";
import { conflictError } from "./failure-of-manager.js";
import { chains, readPackageGraph, type PackageGraph } from "./graph.js";

export interface ProjectState {
  readonly catalog: ElementCatalog;
  readonly graph: PackageGraph;
  readonly images: readonly BuildConfig[];
  /** PACKAGE_CONFLICT, ELEMENT_VERSION_CONFLICT, ELEMENT_COPIES. */
  readonly conflicts: readonly BuildError[];
  /** Anything else that keeps an image of the config from being resolved. */
  readonly notes: readonly string[];
}

const conflictCodes = ["ELEMENT_VERSION_CONFLICT", "ELEMENT_COPIES"];

/** Reads what is installed now, and resolves the elements of every image of the config. */
export async function readProjectState(folder: string): Promise<ProjectState> {
  const { images, bundled } = await readConfig();
  const [config] = images; // element paths are the same for all images
  const catalog = await discoverElements(config ?? { elementPaths: [], projectDir: folder, bundled });
  const graph = await readPackageGraph(folder, catalog);
  const failures = await resolveImages(images, catalog);
  const isConflict = ({ code }: BuildError) => conflictCodes.includes(code);
  const conflicts = [...packageConflicts(graph), ...(await checkInstalled(catalog)), ...failures.filter(isConflict)];
  const notes = failures.filter((error) => !isConflict(error)).map(({ message }) => message);
  const distinct = new Map(conflicts.map((error) => [error.message, error]));
  return { catalog, graph, images, conflicts: [...distinct.values()], notes };
}

/** A config that can't be read yet must not keep anybody from adding packages. */
async function readConfig(): Promise<{ images: readonly BuildConfig[]; bundled: readonly string[] }> {
  const request = await toLoadRequest([], {});
  try {
    return { images: (await loadConfig(request)).images, bundled: request.bundled ?? [] };
  } catch (error) {
    if (!isBuildError(error)) throw error;
    return { images: [], bundled: request.bundled ?? [] };
  }
}

async function resolveImages(images: readonly BuildConfig[], catalog: ElementCatalog): Promise<readonly BuildError[]> {
  const asking = images.filter(({ elements }) => elements.length > 0);
  const outcomes = await Promise.allSettled(asking.map((config) => resolveElements(config, catalog)));
  return outcomes.flatMap((outcome) => {
    if (outcome.status === "fulfilled") return [];
    if (isBuildError(outcome.reason)) return [outcome.reason];
    throw outcome.reason;
  });
}

/**
 * A conflict that the package manager found, with everyone in the project who asks for the package: npm tells of those
 * that it met first.
 */
export function withAllAskers(error: unknown, graph: PackageGraph): unknown {
  if (!isBuildError(error) || error.code !== "PACKAGE_CONFLICT") return error;
  const { package: name, version, askers } = error.context as NpmConflict;
  const all = [...asksOf(graph).filter((ask) => ask.name === name), ...askers].map(({ range, by }) => ({ range, by }));
  const distinct = new Map(all.map((asker) => [`${asker.range} ${asker.by.join(" ")}`, asker]));
  return conflictError({ package: name, version, askers: [...distinct.values()] });
}

function asksOf(graph: PackageGraph) {
  const chainOf = chains(graph);
  const nodes = [graph.root, ...graph.packages.values()].filter(({ folder }) => chainOf.has(folder));
  return nodes.flatMap((node) => node.asks.map((ask) => ({ ...ask, by: chainOf.get(node.folder) ?? [node.name] })));
}

/** One for each package that somebody asks for, and gets in a version that is not asked for; or that none is right for all. */
function packageConflicts(graph: PackageGraph): BuildError[] {
  const asks = asksOf(graph);
  const names = new Set(asks.map(({ name }) => name));
  return [...names].flatMap((name) => {
    const ofThis = asks.filter((ask) => ask.name === name && validRange(ask.range) !== null);
    const isMissing = ofThis.every(({ folder }) => folder === undefined);
    if (isMissing ? agree(ofThis.map(({ range }) => range)) : ofThis.every((ask) => isMet(ask, graph))) return [];
    const askers: Asker[] = ofThis.map(({ range, by }) => ({ range, by }));
    const folder = ofThis.find((ask) => ask.folder !== undefined)?.folder;
    return [conflictError({ package: name, version: graph.packages.get(folder ?? "")?.version, askers })];
  });
}

/** A package that is not there is another matter; one that has no elements is the package manager's. */
function isMet({ range, folder }: { range: string; folder: string | undefined }, { packages }: PackageGraph): boolean {
  const version = packages.get(folder ?? "")?.version;
  return version === undefined || satisfies(version, range, { includePrerelease: true });
}

const agree = (ranges: readonly string[]): boolean =>
  ranges.every((one) => ranges.every((other) => intersects(one, other, { includePrerelease: true })));
