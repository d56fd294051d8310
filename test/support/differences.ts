import { isDeepStrictEqual } from "node:util";
import { expect } from "vitest";
import { readDifferences } from "../../scripts/docs/differences.mjs";

/** A row of docs/differences.yaml, and what of a comparison it explains. */
export interface Claim<T> {
  readonly id: string;
  readonly explains: (dib: T | undefined, ours: T | undefined, key: string) => boolean;
}

export type Facts<T> = Readonly<Record<string, T>>;

const rows = new Set(readDifferences().differences.map(({ id }) => id));

export interface Compared<T> {
  /** How often each row explained something. */
  readonly explained: Readonly<Record<string, number>>;
  readonly unexplained: readonly { readonly key: string; readonly dib: T | undefined; readonly ours: T | undefined }[];
}

/** Key by key, what of the two is not equal. */
export function compareFacts<T>(dib: Facts<T>, ours: Facts<T>, claims: readonly Claim<T>[]): Compared<T> {
  const explained: Record<string, number> = {};
  const unexplained: { key: string; dib: T | undefined; ours: T | undefined }[] = [];
  for (const key of [...new Set([...Object.keys(dib), ...Object.keys(ours)])].sort()) {
    if (isDeepStrictEqual(dib[key], ours[key])) continue;
    const claim = claims.find(({ explains }) => explains(dib[key], ours[key], key));
    if (claim === undefined) unexplained.push({ key, dib: dib[key], ours: ours[key] });
    else explained[claim.id] = (explained[claim.id] ?? 0) + 1;
  }
  return { explained, unexplained };
}

/** Rows are called by names that docs/differences.yaml has. */
export function checkClaims(ids: readonly string[]): void {
  const unknown = ids.filter((id) => !rows.has(id));
  if (unknown.length > 0) throw new Error(`docs/differences.yaml has no row called ${unknown.join(", ")}`);
}

/**
 * What both have must be equal, key by key, unless one of the rows explains it. A row that explains nothing here fails as
 * well: either the two agree by now, or what it is about was not looked at.
 */
export function expectAgreement<T>(dib: Facts<T>, ours: Facts<T>, claims: readonly Claim<T>[] = []): void {
  const ids = claims.map(({ id }) => id);
  checkClaims(ids);
  const { explained, unexplained } = compareFacts(dib, ours, claims);
  const idle = ids.filter((id) => !(id in explained));
  expect({ unexplained, rowsThatExplainNothing: [...new Set(idle)] }).toEqual({
    unexplained: [],
    rowsThatExplainNothing: [],
  });
}
