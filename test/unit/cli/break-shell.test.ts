import { expect, test } from "vitest";
import type { BuildConfig } from "@dibjs/core";
import { checkBreaks } from "@dibjs/cli/break-shell.js";
import { memoryTerminal } from "./memory-terminal.js";

const image = (more: Partial<BuildConfig>) =>
  ({ breaks: [], shellOnError: false, runEnvironment: {}, ...more }) as unknown as BuildConfig;
const check =
  (config: BuildConfig, isInteractive = false) =>
  () =>
    checkBreaks([config], memoryTerminal({ isInteractive }).terminal);
const refused = expect.objectContaining({ code: "USAGE_INVALID" }) as Error;

test("a break point without a terminal is refused before anything runs", () => {
  expect(check(image({ breaks: ["before-root"] }))).toThrow(refused);
  expect(check(image({ shellOnError: true }))).toThrow(refused);
});

test.each([
  ["on a terminal", image({ breaks: ["before-root"] }), true],
  ["with break_cmd", image({ breaks: ["before-root"], runEnvironment: { break_cmd: "true" } }), false],
  ["when there is none", image({}), false],
])("a break point is fine %s", (_, config, isInteractive) => {
  expect(check(config, isInteractive)()).toBeUndefined();
});
