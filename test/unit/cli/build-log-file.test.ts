import { mkdtempSync, readdirSync, rmSync, writeFileSync, mkdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { BuildConfig } from "@dibjs/core";
import { chooseLogFile } from "@dibjs/cli/build-log-file.js";

let folder: string;
const config = () =>
  ({
    cacheDir: join(folder, "cache"),
    cwd: folder,
    output: "out/server",
    caller: { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 },
  }) as BuildConfig;
const now = new Date("2026-01-02T03:04:05.678Z");

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "dib-log-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

test("a log is named after the image and the time, in the cache", async () => {
  expect(await chooseLogFile(config(), undefined, now)).toBe(join(folder, "cache/logs/server-20260102T030405.log"));
});

test("the newest twenty stay", async () => {
  const logs = join(folder, "cache/logs");
  mkdirSync(logs, { recursive: true });
  for (let day = 10; day < 35; day++) writeFileSync(join(logs, `${day % 2 ? "a" : "z"}-202501${day}T000000.log`), "");
  await chooseLogFile(config(), undefined, now);
  const left = readdirSync(logs);
  expect(left).toHaveLength(20);
  expect(left).toContain("server-20260102T030405.log");
  expect(left).toContain("z-20250134T000000.log");
});

test("those of the last day stay, however many: a build may still write to one", async () => {
  const logs = join(folder, "cache/logs");
  mkdirSync(logs, { recursive: true });
  for (let minute = 10; minute < 40; minute++) writeFileSync(join(logs, `a-20260101T04${minute}00.log`), "");
  writeFileSync(join(logs, "a-20260101T020000.log"), "");
  await chooseLogFile(config(), undefined, now);
  expect(readdirSync(logs)).toHaveLength(31);
  expect(readdirSync(logs)).not.toContain("a-20260101T020000.log");
});

test("--logfile is relative to where the command was given", async () => {
  expect(await chooseLogFile(config(), "build.log")).toBe(join(folder, "build.log"));
});

test("a log that can't be written is a failure of the host", async () => {
  await expect(chooseLogFile(config(), "no/such/folder/build.log")).rejects.toMatchObject({
    code: "OUTPUT_UNWRITABLE",
    kind: "host",
  });
});
