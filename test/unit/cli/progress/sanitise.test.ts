import { expect, test } from "vitest";
import { sanitise, sanitiseLine, spellControls } from "@dibjs/cli/progress/sanitise.js";

const cases: readonly (readonly [what: string, line: string, shown: string])[] = [
  ["colours", "\x1b[1;31mred\x1b[0m", "red"],
  ["a new title, ended by BEL", "\x1b]0;evil\x07text", "text"],
  ["a new title, ended by ST", "\x1b]2;evil\x1b\\text", "text"],
  ["a title that never ends", "text\x1b]0;evil", "text"],
  ["a hyperlink", "\x1b]8;;http://example.test\x1b\\link\x1b]8;;\x1b\\", "link"],
  ["a device control string", "\x1bPq#0\x1b\\text", "text"],
  ["moving and clearing", "\x1b[2J\x1b[10;10Htext\x1b[K", "text"],
  ["a sequence that is cut", "text\x1b[3", "text"],
  ["8-bit controls", "\x9b31mred\x85", "red"],
  ["control characters", "a\x00b\x08c\x7f\x07", "abc"],
  ["a tab, which stays", "a\tb", "a\tb"],
  ["words of other scripts, which stay", "Größe 大 🙂", "Größe 大 🙂"],
  ["a redrawn progress bar: its last state", "10%\r50%\r100%\r", "100%"],
  ["a line that ends in CR", "text\r", "text"],
  ["an empty line", "", ""],
];

test.each(cases)("%s", (_, line, shown) => {
  expect(sanitiseLine(line)).toBe(shown);
});

test("lines of a text are kept apart", () => {
  expect(sanitise("a\x1b[0m\n\nb\r\nc")).toBe("a\n\nb\nc");
});

test("what is to be judged loses nothing: controls are spelt out", () => {
  expect(spellControls("a\rb\x1b]0;c\x07\n\u202ed\u2028 Größe")).toBe(
    "a\\u{d}b\\u{1b}]0;c\\u{7}\\u{a}\\u{202e}d\\u{2028} Größe",
  );
});
