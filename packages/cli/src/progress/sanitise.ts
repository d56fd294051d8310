/* eslint-disable no-control-regex -- they are what this file is about */

// CSI; OSC and the other strings, up to their end or the line's; other escape sequences; C1's own CSI.
const sequences =
  /\x1b\[[0-?]*[ -/]*[@-~]?|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)?|\x1b[PX^_][^\x1b]*(?:\x1b\\)?|\x1b[ -/]*[0-~]?|\x9b[0-?]*[ -/]*[@-~]?/g;
const controls = /[\x00-\x08\x0b-\x1f\x7f-\x9f]/g;

/** A line that a script wrote, safe for a terminal: no escape sequence can move, paint or retitle anything. */
export function sanitiseLine(line: string): string {
  const drawn = line
    .replace(sequences, "")
    .split("\r")
    .filter((part) => part.trim() !== "");
  return (drawn.at(-1) ?? "").replace(controls, ""); // a progress bar redraws its line: the last state counts
}

/** As `sanitiseLine`, for text of several lines. */
export const sanitise = (text: string): string => text.split("\n").map(sanitiseLine).join("\n");

/** Everything of a text that somebody is to judge, in one line: what would hide or move any of it is spelt out, and not left out. */
export const spellControls = (text: string): string =>
  text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, (character) => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`);
