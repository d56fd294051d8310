/** For node:test and any other runner: each throws an AssertionError that says what is wrong. */
import { AssertionError } from "node:assert";
import type { PhaseName } from "@dibjs/core";
import {
  checkAdded,
  checkChanged,
  checkDeleted,
  checkEnvironment,
  checkRun,
  type ExpectedEntry,
  type ExpectedEnvironment,
} from "./check.js";
import type { ElementRun } from "./run.js";

export const assertAdded = (run: ElementRun, path: string, expected?: ExpectedEntry): void =>
  assertRight(checkAdded(run, path, expected), assertAdded);

export const assertChanged = (run: ElementRun, path: string, expected?: ExpectedEntry): void =>
  assertRight(checkChanged(run, path, expected), assertChanged);

export const assertDeleted = (run: ElementRun, path: string): void =>
  assertRight(checkDeleted(run, path), assertDeleted);

/** Scripts as `PHASE.d/NAME` or by name, in the order they must have run; others may have run between them. */
export const assertRan = (run: ElementRun, scripts: readonly string[]): void =>
  assertRight(checkRun(run, scripts), assertRan);

export const assertEnvironment = (run: ElementRun, phase: PhaseName, expected: ExpectedEnvironment): void =>
  assertRight(checkEnvironment(run, phase, expected), assertEnvironment);

/** The stack begins where the test asserts. */
function assertRight(wrong: string | undefined, asserting: (...args: never[]) => void): void {
  if (wrong !== undefined) throw new AssertionError({ message: wrong, stackStartFn: asserting });
}
