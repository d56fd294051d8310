import {
  compareBytes,
  compareScripts,
  isEnvironmentFileName,
  isScriptName,
  numberOf,
} from "@dibjs/core/phases/order.js";
import fc from "fast-check";
import { describe, expect, test } from "vitest";

describe("scripts run by their leading number, then by bytes", () => {
  test("as dib-run-parts sorts them", () => {
    const expected = ["-5-neg", "00-01-x", "abc", "1_000-x", "02-z", "2-a", "2-b", "10-b", "100-c"];
    expect([...expected].reverse().sort(compareScripts)).toEqual(expected);
  });

  test.each([
    ["-5-neg", -5],
    ["00-01-x", 0],
    ["abc", 0],
    ["1_000-x", 1],
    ["--1", 0],
    ["007", 7],
  ])("%s counts as %d", (name, number) => {
    expect(numberOf(name)).toBe(number);
  });

  test("numbers too long to count still have one order", () => {
    const long = ["1".repeat(400), "2".repeat(400)];
    expect([...long].reverse().sort(compareScripts)).toEqual(long);
  });

  test("the order is total: any shuffling sorts to the same list", () => {
    const name = fc.stringMatching(/^-?[0-9A-Za-z_-]{1,8}$/);
    fc.assert(
      fc.property(fc.uniqueArray(name, { maxLength: 20 }), (names) => {
        expect([...names].reverse().sort(compareScripts)).toEqual([...names].sort(compareScripts));
      }),
    );
  });
});

test("environment.d files are sourced in the order of bytes, not of numbers", () => {
  const expected = ["10-a", "100-b", "2-c", "20-d", "foo"];
  expect([...expected].reverse().sort(compareBytes)).toEqual(expected);
});

test("bytes are compared, not UTF-16 units and not the user's language", () => {
  const expected = ["B", "a", "é", "\uFF5E", "\u{1F600}"];
  expect([...expected].reverse().sort(compareBytes)).toEqual(expected);
});

test.each([
  ["10-foo", true, true],
  ["10-foo.bash", false, true],
  ["10 foo", false, false],
  ["", false, false],
  ["10-füü", false, false],
  ["10-foo\n", false, false],
])("%j is a script's name: %s, an environment file's: %s", (name, script, environment) => {
  expect([isScriptName(name), isEnvironmentFileName(name)]).toEqual([script, environment]);
});
