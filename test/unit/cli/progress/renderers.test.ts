import { Writable } from "node:stream";
import { describe, expect, test } from "vitest";
import type { BuildEvent } from "@dibjs/core";
import { openRenderer, type Progress } from "@dibjs/cli/progress/renderer.js";
import { openTtyRenderer } from "@dibjs/cli/progress/tty.js";
import { memoryTerminal } from "../memory-terminal.js";

const script = { phase: "install", element: "subject", script: "10-say" };
const events: readonly BuildEvent[] = [
  { type: "expanded", elements: [{ name: "subject", version: "1.0.0" }], asked: ["subject"] },
  { type: "phase-start", phase: "install", place: "chroot", root: "tree" },
  { type: "script-start", ...script },
  { type: "output", ...script, stream: "stdout", text: "\x1b]0;evil\x07hello" },
  { type: "script-end", ...script, seconds: 1.25, outcome: "done" },
  { type: "phase-end", phase: "install", seconds: 2 },
  { type: "note", level: "warning", text: "careful" },
  { type: "done", seconds: 3 },
];

async function render(progress: Progress, image?: string) {
  const { terminal, written } = memoryTerminal();
  using renderer = await openRenderer({ progress, image }, terminal);
  for (const event of events) renderer.onEvent(event);
  return written;
}

describe("plain", () => {
  test("prefixes what a script wrote with its element and name, without escape sequences, on standard error", async () => {
    const { out, err } = await render("plain");
    expect(out).toBe("");
    expect(err).toContain("\nsubject/10-say | hello\n");
    expect(err).not.toContain("\x1b");
  });

  test("says where a phase runs, and prints its profile when it is over", async () => {
    const { err } = await render("plain");
    expect(err).toMatch(
      /=== install \(in the chroot\)\n[\s\S]*Target: install\.d[\s\S]*10-say +1\.250\n[\s\S]*install took 2\.0 s\n/,
    );
  });

  test("is what auto means where nothing can move", async () => {
    expect(await render("auto")).toEqual(await render("plain"));
  });
});

describe("json", () => {
  test("is one event a line on standard output, each with its time", async () => {
    const { out, err } = await render("json");
    const lines = out
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as BuildEvent & { time: string });
    expect(err).toBe("");
    expect(lines.map(({ type }) => type)).toEqual(events.map(({ type }) => type));
    expect(lines[0]?.time).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  });

  test("names the image when there are several", async () => {
    const { out } = await render("json", "server");
    expect(JSON.parse(out.split("\n")[0] ?? "")).toMatchObject({ image: "server", type: "expanded" });
  });
});

test("quiet writes nothing", async () => {
  expect(await render("quiet")).toEqual({ out: "", err: "" });
});

describe("tty", () => {
  /** As much of a terminal as the region needs. */
  function fakeScreen() {
    let text = "";
    const stream = new Writable({ write: (chunk: Buffer, _, done) => ((text += chunk.toString()), done()) });
    return {
      stream: Object.assign(stream, { columns: 60, rows: 20, isTTY: true }) as unknown as NodeJS.WriteStream,
      text: () => text,
    };
  }

  test("keeps finished phases above, and leaves no line of a running one behind", () => {
    const { terminal } = memoryTerminal();
    const screen = fakeScreen();
    {
      using renderer = openTtyRenderer(terminal, screen.stream);
      for (const event of events) renderer.onEvent(event);
    }
    expect(screen.text()).toMatch(/✓ install {2}2\.0 s/);
    expect(screen.text()).toContain("warning: careful");
    expect(screen.text()).not.toContain("evil");
  });

  test("writes nothing while it is suspended", async () => {
    const { terminal } = memoryTerminal();
    const screen = fakeScreen();
    using renderer = openTtyRenderer(terminal, screen.stream);
    renderer.onEvent({ type: "phase-start", phase: "install", place: "chroot", root: "tree" });
    renderer.suspend();
    const before = screen.text();
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(screen.text()).toBe(before);
  });
});
