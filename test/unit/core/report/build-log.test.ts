import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openBuildLog } from "@dibjs/core/report/build-log.js";
import type { BuildEvent } from "@dibjs/core/report/events.js";
import { afterEach, beforeEach, expect, test } from "vitest";

const script = { phase: "install", element: "motd", script: "10-motd" };
const frame = (text: string | Uint8Array) => ({
  script,
  stream: "stdout" as const,
  bytes: Buffer.from(text as string),
});

let dir: string;
beforeEach(() => void (dir = mkdtempSync(join(tmpdir(), "log-"))));
afterEach(() => rmSync(dir, { recursive: true }));

async function logged(chunks: readonly (string | Uint8Array)[], secrets: readonly string[] = []) {
  const texts: string[] = [];
  const emit = (event: BuildEvent) => void (event.type === "output" && texts.push(event.text));
  const file = join(dir, "build.log");
  {
    await using log = await openBuildLog(file, secrets, emit);
    for (const chunk of chunks) await log.write(frame(chunk));
  }
  return { texts, lines: readFileSync(file) };
}

test("lines are put together again from pieces, and an unfinished last line is kept", async () => {
  const { texts, lines } = await logged(["one\ntw", "o\nthree"]);
  expect(texts).toEqual(["one", "two", "three"]);
  expect(lines.toString()).toMatch(/^\S+ \| install \| motd\/10-motd \| one\n/);
});

test("a secret is masked in the log and in events, also when it comes in pieces", async () => {
  const { texts, lines } = await logged(["password is hun", "ter2!\n"], ["hunter2!"]);
  expect(texts).toEqual(["password is ***"]);
  expect(lines.includes("hunter2!")).toBe(false);
});

test("a secret of several lines is masked line by line", async () => {
  const { texts } = await logged(["-----BEGIN KEY-----\nMIIB/aXYZ\n"], ["-----BEGIN KEY-----\nMIIB/aXYZ"]);
  expect(texts).toEqual(["***", "***"]);
});

test("bytes that are no UTF-8 are in the log as they were written", async () => {
  const { lines } = await logged([Uint8Array.from([0xff, 0xfe, 0x00, 0x0a])]);
  expect(lines.subarray(-4)).toEqual(Buffer.from([0xff, 0xfe, 0x00, 0x0a]));
});

test("a line without end does not grow in memory: it reaches events in pieces", async () => {
  const { texts } = await logged(["x".repeat(200_000)]);
  expect(texts.map(({ length }) => length)).toEqual([65536, 65536, 65536, 3392]);
});

test.each([1, 4, 7])("a secret is masked also where a long line is cut: %i of its bytes before", async (before) => {
  const line = `${"x".repeat(65536 - before)}hunter2!${"y".repeat(70_000)}`;
  for (const chunks of [[line], [line.slice(0, 65536), line.slice(65536)]]) {
    const { texts } = await logged(chunks, ["hunter2!"]);
    expect(texts.join("")).toBe(line.replace("hunter2!", "***"));
  }
});

test("a last line without a newline is there when the script has ended, before what others say", async () => {
  const texts: string[] = [];
  const emit = (event: BuildEvent) => void (event.type === "output" && texts.push(event.text));
  await using log = await openBuildLog(undefined, [], emit);
  await log.write(frame("unfinished"));
  await log.write(frame(""));
  expect(texts).toEqual(["unfinished"]);
  await log.write({ ...frame("next\n"), script: { ...script, script: "20-next" } });
  await log.write(frame(""));
  expect(texts).toEqual(["unfinished", "next"]);
});
