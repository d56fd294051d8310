import { expect, test } from "vitest";
import { formatSeconds, formatIec, formatSize } from "@dibjs/cli/progress/units.js";

test.each([
  [0, "0 B"],
  [1023, "1023 B"],
  [1536, "1.5 KiB"],
  [5 * 2 ** 20, "5.0 MiB"],
  [2 ** 31, "2.0 GiB"],
  [2 ** 51, "2048.0 TiB"],
])("%d bytes are %s", (bytes, text) => {
  expect(formatSize(bytes)).toBe(text);
});

test.each([
  [0.04, "0.0 s"],
  [59.94, "59.9 s"],
  [59.96, "1 min 00 s"],
  [125, "2 min 05 s"],
  [3725, "62 min 05 s"],
])("%d seconds are %s", (seconds, text) => {
  expect(formatSeconds(seconds)).toBe(text);
});

test.each([
  [0, "0B"],
  [1023, "1023B"],
  [1536, "1.5KiB"],
  [10 * 2 ** 20, "10MiB"],
  [10 * 2 ** 20 + 1, "11MiB"],
  [9.01 * 2 ** 30, "9.1GiB"],
])("%i bytes as numfmt has them: %s", (bytes, text) => {
  expect(formatIec(bytes)).toBe(text);
});
