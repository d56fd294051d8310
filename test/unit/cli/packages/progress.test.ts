import { Writable } from "node:stream";
import { expect, test } from "vitest";
import { openPackageProgress } from "@dibjs/cli/packages/progress.js";
import { memoryTerminal } from "../memory-terminal.js";

function fakeScreen() {
  let text = "";
  const stream = new Writable({ write: (chunk: Buffer, _, done) => ((text += chunk.toString()), done()) });
  return {
    stream: Object.assign(stream, { columns: 60, rows: 20, isTTY: true }) as unknown as NodeJS.WriteStream,
    text: () => text,
  };
}

test("nothing is painted before there is something to say; a note stays above what is painted", () => {
  const { terminal, written } = memoryTerminal({ canAnimate: true });
  const screen = fakeScreen();
  using progress = openPackageProgress(terminal, screen.stream);
  progress.note("before");
  expect({ err: written.err, screen: screen.text() }).toEqual({ err: "before\n", screen: "" });
  progress.doing("adding");
  progress.note("meanwhile");
  progress.doing("asking");
  const afterNote = screen.text().slice(screen.text().indexOf("meanwhile"));
  expect(written.err).toBe("before\n");
  // Nothing between goes a line up to erase it.
  expect(afterNote.slice(0, afterNote.indexOf("▸ asking"))).not.toContain("\x1b[1A");
});

test("without a terminal notes are lines among the others", () => {
  const { terminal, written } = memoryTerminal();
  using progress = openPackageProgress(terminal);
  progress.doing("adding");
  progress.note("meanwhile");
  expect(written.err).toBe("adding\nmeanwhile\n");
});
