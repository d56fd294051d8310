import { test, type TestFunction } from "vitest";
import { vectors, type VectorId } from "../conformance/vectors/sources.js";

/**
 * The test of a vector, or one of several. Its title begins with the vector's name in brackets, by which the reporter knows
 * that it may not be skipped. `id` is written out where this is called, or in a table of rows: a house test looks for it.
 */
export function vector(id: VectorId, run: TestFunction, more?: string): void {
  test(`[${id}] ${vectors.get(id) ?? ""}${more === undefined ? "" : `: ${more}`}`, run);
}
