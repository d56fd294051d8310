/** Why a phase can't be restored, in words: what is not as it was when a layer of it was made. */
import type { Fact } from "./freshness.js";
import type { Inputs, Layer } from "./layer.js";

const longest = 60;
const shown = (state: string): string => (state.length > longest ? `${state.slice(0, longest)}…` : state);

/** One sentence part for each input that differs, sorted by name. Values are shown where they are no digests. */
export function inputChanges(before: Inputs, now: Inputs): string[] {
  const names = [...new Set([...Object.keys(before), ...Object.keys(now)])].sort();
  return names.flatMap((name) => {
    const [was, is] = [ownOf(before, name), ownOf(now, name)];
    if (was === is) return [];
    if (was === undefined) return [`${name} is new`];
    if (is === undefined) return [`${name} is gone`];
    const isShown = name.startsWith("variable ") && !was.startsWith("secret ") && !is.startsWith("secret ");
    return [isShown ? `${name}: ${shown(was)} → ${shown(is)}` : `${name} has changed`];
  });
}

const ownOf = (inputs: Inputs, name: string): string | undefined =>
  Object.hasOwn(inputs, name) ? inputs[name] : undefined;

export interface Now {
  readonly inputs: Inputs;
  /** Digest of what the phase before gives; undefined while that has to run first. */
  readonly parent: string | undefined;
  readonly stateOf: (name: string) => string;
  /** Of the layer's facts, those that are not so any more. */
  readonly stale: readonly Fact[];
}

/** Compares with a layer of the same phase. Empty when nothing differs: then it is the layer that is to be restored. */
export function explainMiss(layer: Layer, now: Now): string[] {
  const reads = Object.keys(layer.reads).filter((name) => layer.reads[name] !== now.stateOf(name));
  return [
    ...inputChanges(layer.inputs, now.inputs),
    ...reads.map((name) => `${name}, which a step asks for, has changed`),
    ...now.stale.map(({ what, state }) =>
      state === "unknown" ? `${what} can't be asked about` : `${what} has changed`,
    ),
    ...(now.parent !== undefined && now.parent !== layer.parent ? ["what the phases before give has changed"] : []),
  ];
}
