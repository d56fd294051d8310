/** Which elements the images of a project ask for, and which ask for which. */
import { readRelations, type BuildConfig, type ElementCatalog } from "@dibjs/core";
import type { Edge, Ways } from "./paths.js";

export interface ElementGraph extends Ways {
  /** Names that are no elements → the elements that could provide them. */
  readonly missing: ReadonlyMap<string, readonly string[]>;
}

const imageKey = (image: string): string => `image ${image}`;

/** Begins at the images of the config; without a config, at elements that no other asks for. */
export async function readElementGraph(
  { refs }: ElementCatalog,
  images: readonly BuildConfig[],
): Promise<ElementGraph> {
  const own = [...refs.values()].filter(({ source }) => source !== "bundled");
  const asking = images.filter(({ elements }) => elements.length > 0);
  const relations = new Map<string, readonly Edge[]>();
  const begin =
    asking.length > 0
      ? asking.flatMap(({ elements }) => elements.map(({ name }) => name))
      : own.map(({ name }) => name);
  const missing: string[] = [];
  const reached = new Set([...begin, ...(asking.some(({ base }) => base) ? ["base"] : [])]);
  for (const name of reached) {
    const ref = refs.get(name);
    if (ref === undefined) missing.push(name);
    const { dependencies } = ref === undefined ? { dependencies: [] } : await readRelations(ref);
    relations.set(
      name,
      dependencies.map(({ name: to, range }) => ({ to, range })),
    );
    for (const { name: to } of dependencies) reached.add(to);
  }
  for (const { image, elements, base } of asking) {
    const byDefault: readonly Edge[] = base ? [{ to: "base", range: "*" }] : [];
    relations.set(imageKey(image), [...elements.map(({ name: to, range }) => ({ to, range })), ...byDefault]);
  }
  const needed = new Set([...relations.values()].flat().map(({ to }) => to));
  return {
    roots:
      asking.length > 0 ? asking.map(({ image }) => imageKey(image)) : begin.filter((name) => !needed.has(name)).sort(),
    edges: (key) => relations.get(key) ?? [],
    node: (key) => ({ name: key, version: refs.get(key)?.version }),
    missing: await readProviders(missing, refs),
  };
}

async function readProviders(
  names: readonly string[],
  refs: ElementCatalog["refs"],
): Promise<ReadonlyMap<string, readonly string[]>> {
  const all = names.length === 0 ? [] : await Promise.all([...refs.values()].map(readRelations));
  const providersOf = (name: string) => all.filter(({ provides }) => provides.includes(name)).map((each) => each.name);
  return new Map(names.map((name) => [name, providersOf(name).sort()]));
}
