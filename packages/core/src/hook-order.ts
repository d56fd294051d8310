import { BuildError } from "./errors.js";
import type { Tap } from "./hooks.js";
import { compareBytes } from "./phases/order.js";

/** Taps by stage, then rank (or not), then name, moved as their `before` and `after` say. Throws HOOK_ORDER_UNKNOWN and HOOK_ORDER_CYCLE. */
export function orderTaps<A extends unknown[], R>(
  hook: string,
  taps: readonly Tap<A, R>[],
  orderBy: "rank" | "name",
): Tap<A, R>[] {
  const byName = (a: Tap<A, R>, b: Tap<A, R>) => compareBytes(a.name, b.name);
  const waiting = [...taps].sort(
    (a, b) => (a.stage ?? 0) - (b.stage ?? 0) || (orderBy === "rank" ? a.rank - b.rank : 0) || byName(a, b),
  );
  const mustFollow = precedence(hook, waiting);
  const ordered: Tap<A, R>[] = [];
  while (waiting.length > 0) {
    const next = waiting.findIndex(
      (tap) => ![...(mustFollow.get(tap) ?? [])].some((earlier) => waiting.includes(earlier)),
    );
    if (next === -1) throw new BuildError("HOOK_ORDER_CYCLE", { hook, taps: waiting.map(({ name }) => name) });
    ordered.push(...waiting.splice(next, 1));
  }
  return ordered;
}

/** For each tap the taps that must run before it. */
function precedence<A extends unknown[], R>(hook: string, taps: readonly Tap<A, R>[]): Map<Tap<A, R>, Set<Tap<A, R>>> {
  const mustFollow = new Map(taps.map((tap) => [tap, new Set<Tap<A, R>>()]));
  const named = (tap: Tap<A, R>, target: string) => {
    const found = taps.filter(({ name }) => name === target);
    if (found.length === 0) throw new BuildError("HOOK_ORDER_UNKNOWN", { hook, tap: tap.name, target });
    return found.filter((other) => other !== tap);
  };
  for (const tap of taps) {
    for (const target of [tap.before ?? []].flat())
      for (const later of named(tap, target)) mustFollow.get(later)?.add(tap);
    for (const target of [tap.after ?? []].flat())
      for (const earlier of named(tap, target)) mustFollow.get(tap)?.add(earlier);
  }
  return mustFollow;
}
