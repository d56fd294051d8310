/** The one order of a set: dependencies first, then name. Elements that need each other in a circle stand together, by name. */
import { compareBytes } from "../phases/order.js";
import type { ElementRelations } from "./element.js";

interface Group {
  /** Sorted; several only for a circle. */
  readonly names: readonly string[];
  /** Groups that must come before. */
  readonly needs: Set<Group>;
}

/** `providers`: provided name → element, for dependencies on a name that no element of the set has. */
export function dependenciesFirst<E extends ElementRelations>(
  elements: readonly E[],
  providers: ReadonlyMap<string, string>,
): E[] {
  const byName = new Map(elements.map((element) => [element.name, element]));
  const groups = groupCircles(needsOf(elements, providers));
  return inOrder(groups).flatMap(({ names }) => names.flatMap((name) => byName.get(name) ?? []));
}

/** Elements that need each other in a circle, which DIB allows: a shortest way round for each, its first name again at the end. */
export function findCircles(elements: readonly ElementRelations[], providers: ReadonlyMap<string, string>): string[][] {
  const needs = needsOf(elements, providers);
  return groupCircles(needs)
    .filter(({ names }) => names.length > 1)
    .map(({ names: [first = ""] }) => shortestCircle(first, needs));
}

function shortestCircle(first: string, needs: ReadonlyMap<string, readonly string[]>): string[] {
  const seen = new Set<string>();
  for (let paths = [[first]]; paths.length > 0;) {
    const longer = paths.flatMap((path) => (needs.get(path.at(-1) ?? "") ?? []).map((name) => [...path, name]));
    const closed = longer.find((path) => path.at(-1) === first);
    if (closed !== undefined) return closed;
    paths = longer.filter((path) => !seen.has(path.at(-1) ?? "") && seen.add(path.at(-1) ?? ""));
  }
  return [first];
}

/** Name → names of the set that it needs, by name. */
function needsOf(
  elements: readonly ElementRelations[],
  providers: ReadonlyMap<string, string>,
): ReadonlyMap<string, readonly string[]> {
  const names = new Set(elements.map(({ name }) => name).sort(compareBytes));
  const needed = new Map(elements.map(({ name, dependencies }) => [name, dependencies]));
  return new Map(
    [...names].map((name) => {
      const found = (needed.get(name) ?? []).map((each) =>
        names.has(each.name) ? each.name : providers.get(each.name),
      );
      return [name, found.filter((each) => each !== undefined && names.has(each)) as string[]];
    }),
  );
}

/** Tarjan's strongly connected components; what a group needs has been grouped before it. */
function groupCircles(needs: ReadonlyMap<string, readonly string[]>): Group[] {
  const groups: Group[] = [];
  const groupOf = new Map<string, Group>();
  const low = new Map<string, number>();
  const path: string[] = [];

  const visit = (name: string): number => {
    const index = low.size;
    let lowest = index;
    low.set(name, index);
    path.push(name);
    for (const needed of needs.get(name) ?? []) {
      if (!groupOf.has(needed)) lowest = Math.min(lowest, low.get(needed) ?? visit(needed));
    }
    low.set(name, lowest);
    if (lowest === index) {
      const names = path.splice(path.indexOf(name)).sort(compareBytes);
      const group: Group = { names, needs: new Set() };
      for (const each of names) groupOf.set(each, group);
      for (const needed of names.flatMap((each) => needs.get(each) ?? [])) {
        const other = groupOf.get(needed);
        if (other !== undefined && other !== group) group.needs.add(other);
      }
      groups.push(group);
    }
    return lowest;
  };

  for (const name of needs.keys()) if (!low.has(name)) visit(name);
  return groups;
}

/** Of the groups whose needs are met, the one with the smallest name goes next. */
function inOrder(groups: readonly Group[]): Group[] {
  const waiting = [...groups].sort((a, b) => compareBytes(a.names[0] ?? "", b.names[0] ?? ""));
  const ordered = new Set<Group>();
  while (waiting.length > 0) {
    const next = waiting.findIndex(({ needs }) => [...needs].every((group) => ordered.has(group)));
    for (const group of waiting.splice(next, 1)) ordered.add(group);
  }
  return [...ordered];
}
