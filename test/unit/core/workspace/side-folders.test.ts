import { mkdtempSync, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createExec } from "@dibjs/core/process/exec.js";
import { SideFolders } from "@dibjs/core/workspace/side-folders.js";

let folder: string;
let elsewhere: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "dib-test-"));
  elsewhere = mkdtempSync("/dev/shm/dib-test-");
});
afterEach(() => {
  for (const path of [folder, elsewhere]) rmSync(path, { recursive: true, force: true });
});

const caller = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0, user: "me", home: "/" };

/** Stages `target`, which has an old file, in `staging`. */
async function stage(target: string, staging: string) {
  mkdirSync(target, { recursive: true });
  writeFileSync(join(target, "old"), "");
  const folders = new SideFolders(staging, { caller });
  const staged = await folders.stage(target);
  writeFileSync(join(staged, "new"), "");
  return { staged, settled: await folders.settle({ exec: createExec() }) };
}

test("a folder waits among the staged outputs, and what is there stays", async () => {
  const target = join(folder, "image.d/manifests");
  const { staged, settled } = await stage(target, folder);
  expect(settled).toEqual([{ staged, target }]);
  expect([readdirSync(target), readdirSync(staged)]).toEqual([["old"], ["new"]]);
});

test("on another file system than the outputs' it is written at once: it could not be renamed", async () => {
  const target = join(elsewhere, "manifests");
  const { staged, settled } = await stage(target, folder);
  expect({ staged, settled }).toEqual({ staged: target, settled: [] });
  expect(readdirSync(target)).toEqual(["new"]);
});
