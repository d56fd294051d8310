import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { openDropInLog } from "@dibjs/cli/drop-in/log.js";
import { describe, expect, test } from "vitest";
import { tempFolder } from "../../../support/temp-folder.js";
import { memoryTerminal } from "../memory-terminal.js";

const timed = /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} \| said$/;

/** What one line comes to, on standard output and in the file. */
async function said(env: Record<string, string>, file?: string): Promise<{ out: string[]; log: string[] }> {
  await using folder = await tempFolder();
  const { terminal, written } = memoryTerminal();
  if (file !== undefined) writeFileSync(join(folder.path, file), "before\n");
  {
    using log = openDropInLog({ file, cwd: folder.path, env }, terminal);
    log.say("said");
    log.record("recorded");
  }
  const log = file === undefined ? "" : readFileSync(join(folder.path, file), "utf8");
  const shape = (text: string) =>
    text.split("\n").flatMap((line) => (line === "" ? [] : [line.replace(/^[\d-]{10} [\d:.]{12} \| /, "TIME | ")]));
  return { out: shape(written.out), log: shape(log) };
}

test("the time is UTC, to the millisecond", () => {
  const { terminal, written } = memoryTerminal();
  using log = openDropInLog({ file: undefined, cwd: "/", env: {} }, terminal);
  const before = new Date().toISOString();
  log.say("said");
  expect(written.out.trimEnd()).toMatch(timed);
  expect(written.out.slice(0, 23) >= before.replace("T", " ").slice(0, 23)).toBe(true);
});

describe("where lines go", () => {
  const inFile = ["before", "TIME | said", "TIME | recorded"];
  const announced = "Output logs going to: log";
  test.each<[Record<string, string>, string | undefined, { out: string[]; log: string[] }]>([
    [{}, undefined, { out: ["TIME | said"], log: [] }],
    [{ DIB_NO_TIMESTAMP: "1" }, undefined, { out: ["said"], log: [] }],
    [{ DIB_NO_TIMESTAMP: "0" }, undefined, { out: ["TIME | said"], log: [] }],
    [{ DIB_QUIET: "1" }, undefined, { out: [], log: [] }],
    [{ DIB_QUIET: "2" }, undefined, { out: ["TIME | said"], log: [] }],
    [{ DIB_QUIET: "yes" }, undefined, { out: ["TIME | said"], log: [] }],
    [{}, "log", { out: [announced], log: inFile }],
    [{ DIB_QUIET: "" }, "log", { out: [announced], log: inFile }],
    [{ DIB_QUIET: "0" }, "log", { out: [announced, "TIME | said"], log: inFile }],
    [{ DIB_QUIET: "0", DIB_NO_TIMESTAMP: "1" }, "log", { out: [announced, "said"], log: inFile }],
  ])("%j, --logfile %s", async (env, file, expected) => {
    expect(await said(env, file)).toEqual(expected);
  });
});

test.each([
  ["/nowhere/log", "OUTPUT_UNWRITABLE"],
  ["/", "OUTPUT_UNWRITABLE"],
])("a log that can't be written is refused: %s", (file, code) => {
  const open = () => openDropInLog({ file, cwd: "/", env: {} }, memoryTerminal().terminal);
  expect(open).toThrow(expect.objectContaining({ code }) as Error);
});

test("a full disk under the log is told", () => {
  using log = openDropInLog({ file: "/dev/full", cwd: "/", env: {} }, memoryTerminal().terminal);
  expect(() => log.say("said")).toThrow(expect.objectContaining({ code: "SPACE_EXHAUSTED" }) as Error);
});
