import { expect, test } from "vitest";
import { wantsColour } from "@dibjs/cli/terminal.js";

test.each([
  ["a terminal", true, {}, true],
  ["a pipe", false, {}, false],
  ["NO_COLOR", true, { NO_COLOR: "1" }, false],
  ["an empty NO_COLOR, which counts as unset", true, { NO_COLOR: "" }, true],
  ["FORCE_COLOR on a pipe", false, { FORCE_COLOR: "1" }, true],
  ["FORCE_COLOR=0 on a terminal", true, { FORCE_COLOR: "0" }, false],
  ["NO_COLOR before FORCE_COLOR", true, { NO_COLOR: "1", FORCE_COLOR: "1" }, false],
  ["a dumb terminal", true, { TERM: "dumb" }, false],
])("colours on %s", (_, isTTY, env, expected) => {
  expect(wantsColour(isTTY, env)).toBe(expected);
});
