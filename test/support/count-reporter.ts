import type { SerializedError } from "vitest";
import { DefaultReporter, type TestCase, type TestModule, type TestResult, type TestRunEndReason } from "vitest/node";

/**
 * The default report, then every failed test with its file and every skipped one with its reason, then one line for people
 * and scripts: `N passed, N failed, N skipped`. A file or suite that breaks outside its tests counts as one failure, and so does a test
 * of the conformance suite that was skipped.
 */
export default class CountReporter extends DefaultReporter {
  override onTestRunEnd(
    modules: readonly TestModule[],
    errors: readonly SerializedError[],
    reason: TestRunEndReason,
  ): void {
    super.onTestRunEnd(modules, errors, reason);
    const tests = modules.flatMap((module) => [...module.children.allTests()]);
    const inState = (state: string) => tests.filter((test) => test.result().state === state);
    const broken = modules.reduce((sum, module) => sum + countBroken(module), 0);

    for (const test of inState("failed"))
      this.log(`failed: ${test.module.relativeModuleId}: ${test.fullName}: ${inShort(test.result().errors)}`);
    for (const module of modules.filter(countBroken)) this.log(`failed: ${module.relativeModuleId}`);

    // A test that `-t` left out was not asked for: it is neither run nor skipped.
    const isFiltered = this.ctx.config.testNamePattern !== undefined;
    const skipped = inState("skipped").filter((test) => !isFiltered || reasonOf(test) !== undefined);
    for (const test of skipped) this.log(`skipped: ${test.fullName}: ${reasonOf(test) ?? "no reason given"}`);

    const owed = skipped.filter(isOfConformance).length;
    const failed = inState("failed").length + owed + broken + errors.length;
    this.log(`${inState("passed").length} passed, ${failed} failed, ${skipped.length - owed} skipped`);
    if (failed > 0) process.exitCode = 1;
  }
}

/** By its project, or by its title: a vector's test may be anywhere, and begins with the vector's name in brackets. */
const isOfConformance = (test: TestCase): boolean =>
  ["conformance", "vectors"].includes(test.project.name) || /^\[[\w.-]+\/[\w.-]+\]/.test(test.name);

/** The first line, and the last, which is what was expected when the test put its own words first. */
function inShort(errors: TestResult["errors"]): string {
  const lines = errors?.[0]?.message.split("\n") ?? ["no error"];
  return [...new Set([lines[0], lines.at(-1)])].join(" … ");
}

function countBroken(module: TestModule): number {
  const suites = [module, ...module.children.allSuites()];
  return suites.filter((suite) => suite.errors().length > 0).length;
}

function reasonOf(test: TestCase): string | undefined {
  const result = test.result();
  if (result.state !== "skipped") return undefined;
  if (result.note !== undefined) return result.note;
  const holders = [test.module, ...ancestors(test)];
  return holders.some((holder) => holder.errors().length > 0) ? "a hook before it failed" : undefined;
}

function ancestors(test: TestCase) {
  const found = [];
  for (let at = test.parent; at.type === "suite"; at = at.parent) found.push(at);
  return found;
}
