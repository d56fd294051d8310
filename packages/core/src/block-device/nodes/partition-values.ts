/** What a partition's node says, as the table, its checks and its creation read it. */
import type { NodeConfig } from "../node.js";
import { textOf } from "../written-text.js";

export const numberOf = ({ values }: NodeConfig): number => Number(values.number ?? 0);

/** All partitions of the table that a partition is in, in order. */
export const tableOf = ({ type, base }: NodeConfig, graph: readonly NodeConfig[]): readonly NodeConfig[] =>
  graph.filter((other) => other.type === type && other.base === base).sort((a, b) => numberOf(a) - numberOf(b));

export const doesGrow = ({ values: { grow } }: NodeConfig): boolean => grow === true;

export const flagsOf = ({ values: { flags } }: NodeConfig): readonly string[] => wordsOf(flags);

export const attributesOf = ({ values: { attributes } }: NodeConfig): readonly string[] => wordsOf(attributes);

function wordsOf(written: unknown): readonly string[] {
  return Array.isArray(written)
    ? written.map((word) => textOf(word) ?? "")
    : (textOf(written) ?? "").split(/[\s,]+/).filter(Boolean);
}
