/**
 * DIB's closure of what was asked for, with one difference: DIB takes the names of a queue as they come, so that what a
 * virtual name does depends on chance. Here all elements of one distance from the request are looked at together, and
 * those that provide something come first. The order of names in a file or on the command line then changes nothing.
 */
import type { BuildConfig } from "../config/schema.js";
import { BuildError, throwFindings } from "../errors.js";
import { compareBytes } from "../phases/order.js";
import type { ElementRelations } from "./element.js";
import { dependenciesFirst } from "./order.js";

export type Asked = Pick<BuildConfig["elements"][number], "name" | "range" | "origin">;
export type Request = Pick<BuildConfig, "elements" | "arch" | "base" | "ramdisk" | "ramdiskElement">;

/** Looks a name up. `missing` says why there is no such element. */
export interface KnownElements {
  readonly find: (name: string) => ElementRelations | undefined;
  readonly missing: (name: string, askedBy: readonly string[]) => BuildError;
}

export interface Expansion {
  /** Dependencies first, then name. */
  readonly elements: readonly ElementRelations[];
  /** Element name → the shortest chain of names that led to it. */
  readonly askedBy: ReadonlyMap<string, readonly string[]>;
  /** Wanted name → the element that provides it. */
  readonly provided: ReadonlyMap<string, string>;
}

/**
 * What was asked for and what DIB adds to it: the ramdisk element, `base`, and a disk layout for `vm`. It looks at the
 * literal names only, not at what they depend on.
 */
export function requestedElements({ elements, arch, base, ramdisk, ramdiskElement }: Request): readonly Asked[] {
  if (elements.length === 0) throw new BuildError("ELEMENT_NONE", {});
  const names = elements.map(({ name }) => name);
  const needsLayout = names.includes("vm") && !names.some((name) => name.startsWith("block-device-"));
  const layout = ["arm64", "aarch64"].includes(arch) ? "block-device-efi" : "block-device-mbr";
  const added = (name: string): Asked => ({ name, range: "*", origin: "default" });
  return [
    ...(ramdisk ? [added(ramdiskElement)] : []),
    ...(base ? [added("base")] : []),
    ...elements,
    ...(needsLayout ? [added(layout)] : []),
  ];
}

/** Throws ELEMENT_NOT_FOUND, ELEMENT_ALREADY_PROVIDED and ELEMENT_NO_OPERATING_SYSTEM. */
export function expandElements(asked: readonly string[], known: KnownElements): Expansion {
  const { reached, askedBy, providers, unknown } = reachElements([...new Set(asked)], known);
  const pathTo = (name: string) => askedBy.get(name) ?? [name];
  throwFindings(unknown.filter((name) => !providers.has(name)).map((name) => known.missing(name, pathTo(name))));
  for (const name of asked) {
    const provider = providers.get(name);
    if (provider !== undefined)
      throw new BuildError("ELEMENT_ALREADY_PROVIDED", { name, providers: [provider], askedBy: pathTo(provider) });
  }
  const chosen = reached.filter(({ name }) => !providers.has(name));
  if (!providers.has("operating-system"))
    throw new BuildError("ELEMENT_NO_OPERATING_SYSTEM", {
      elements: chosen.map(({ name }) => name).sort(compareBytes),
    });
  return {
    elements: dependenciesFirst(chosen, providers),
    askedBy,
    provided: new Map([...providers].filter(([name]) => askedBy.has(name)).sort(([a], [b]) => compareBytes(a, b))),
  };
}

interface Reached {
  readonly reached: ElementRelations[];
  readonly askedBy: Map<string, readonly string[]>;
  readonly providers: Map<string, string>;
  readonly unknown: string[];
}

function reachElements(asked: readonly string[], known: KnownElements): Reached {
  const state: Reached = {
    reached: [],
    askedBy: new Map(asked.map((name) => [name, [name]])),
    providers: new Map(),
    unknown: [],
  };
  for (let level = asked; level.length > 0;) {
    const found = level.flatMap((name) => known.find(name) ?? []);
    state.unknown.push(...level.filter((name) => known.find(name) === undefined));
    level = nextLevel(takeLevel(found, state), state);
  }
  return state;
}

/** Takes the elements of one level that nobody provides by then. One that another of its level provides waits for that. */
function takeLevel(level: readonly ElementRelations[], { reached, askedBy, providers }: Reached): ElementRelations[] {
  const providedHere = new Set(level.flatMap(({ provides }) => provides));
  const ordered = [
    ...level.filter(({ name }) => !providedHere.has(name)),
    ...level.filter(({ name }) => providedHere.has(name)),
  ];
  const taken: ElementRelations[] = [];
  for (const element of ordered) {
    if (providers.has(element.name)) continue;
    for (const name of element.provides) {
      const other = providers.get(name);
      if (other !== undefined)
        throw new BuildError("ELEMENT_ALREADY_PROVIDED", {
          name,
          providers: [other],
          askedBy: askedBy.get(element.name) ?? [element.name],
        });
      providers.set(name, element.name);
    }
    taken.push(element);
  }
  reached.push(...taken);
  return taken;
}

/** The names that a level needs and nobody asked for before. */
function nextLevel(level: readonly ElementRelations[], { askedBy }: Reached): string[] {
  const next: string[] = [];
  for (const { name, dependencies } of [...level].sort((a, b) => compareBytes(a.name, b.name))) {
    for (const dependency of dependencies) {
      if (askedBy.has(dependency.name)) continue;
      askedBy.set(dependency.name, [...(askedBy.get(name) ?? [name]), dependency.name]);
      next.push(dependency.name);
    }
  }
  return next.sort(compareBytes);
}
