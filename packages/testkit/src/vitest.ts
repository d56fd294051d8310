/** Matchers: `import "@dibjs/testkit/vitest"` in a test or a set-up file. */
import { expect } from "vitest";
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

interface TreeMatchers<R> {
  /** It was not in the tree and is now. */
  toHaveAdded(path: string, expected?: ExpectedEntry): R;
  /** Its kind, mode, owner or content is another than before. */
  toHaveChanged(path: string, expected?: ExpectedEntry): R;
  toHaveDeleted(path: string): R;
  /** Scripts as `PHASE.d/NAME` or by name, in the order they must have run; others may have run between them. */
  toHaveRun(scripts: readonly string[]): R;
  /** What scripts of a phase saw; undefined for a variable that must not be set. */
  toHaveEnvironment(phase: PhaseName, expected: ExpectedEnvironment): R;
}

declare module "vitest" {
  // The parameter's name and default are vitest's.
  // eslint-disable-next-line @typescript-eslint/no-explicit-any, @typescript-eslint/no-empty-object-type
  interface Matchers<T = any> extends TreeMatchers<T> {}
}

const result = (wrong: string | undefined, otherwise: string) => ({
  pass: wrong === undefined,
  message: () => wrong ?? otherwise,
});

expect.extend({
  toHaveAdded: (run: ElementRun, path: string, expected?: ExpectedEntry) =>
    result(checkAdded(run, path, expected), `${path} was added`),
  toHaveChanged: (run: ElementRun, path: string, expected?: ExpectedEntry) =>
    result(checkChanged(run, path, expected), `${path} was changed`),
  toHaveDeleted: (run: ElementRun, path: string) => result(checkDeleted(run, path), `${path} was deleted`),
  toHaveRun: (run: ElementRun, scripts: readonly string[]) =>
    result(checkRun(run, scripts), `${scripts.join(", ")} ran, in this order`),
  toHaveEnvironment: (run: ElementRun, phase: PhaseName, expected: ExpectedEnvironment) =>
    result(checkEnvironment(run, phase, expected), `${phase} has ${Object.keys(expected).join(", ")} as expected`),
});
