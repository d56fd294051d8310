import { execFileSync } from "node:child_process";
import { mkdtempSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { resolveInRoot, targetFiles } from "@dibjs/core/workspace/target.js";
import { afterEach, beforeEach, expect, test } from "vitest";

let dir: string;
let root: string;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "target-"));
  root = join(dir, "root");
  mkdirSync(join(root, "etc"), { recursive: true });
  writeFileSync(join(dir, "victim"), "host");
});

afterEach(() => rmSync(dir, { recursive: true }));

test("an absolute link means a place inside the root", async () => {
  symlinkSync("/etc", join(root, "conf"));
  await targetFiles(root).write("/conf/motd", "hello");
  expect(readFileSync(join(root, "etc/motd"), "utf8")).toBe("hello");
});

test("a link that climbs out stops at the root", async () => {
  symlinkSync("../../../../victim", join(root, "etc/motd"));
  await targetFiles(root).write("/etc/motd", "image");
  expect(readFileSync(join(dir, "victim"), "utf8")).toBe("host");
  expect(readFileSync(join(root, "victim"), "utf8")).toBe("image");
});

test("a path resolves to its place on the host side, by all links, the last one too", async () => {
  symlinkSync("/etc", join(root, "conf"));
  symlinkSync("../../../victim", join(root, "etc/motd"));
  expect(await targetFiles(root).resolve("/conf/motd")).toBe(join(root, "victim"));
});

test("a loop of links is an error", async () => {
  symlinkSync("b", join(root, "a"));
  symlinkSync("a", join(root, "b"));
  await expect(resolveInRoot(root, "/a")).rejects.toMatchObject({ code: "TARGET_PATH_UNSAFE" });
});

test("a FIFO is neither read nor written", async () => {
  execFileSync("mkfifo", [join(root, "etc/os-release")]);
  await expect(targetFiles(root).read("/etc/os-release")).rejects.toMatchObject({ code: "TARGET_PATH_UNSAFE" });
  await expect(targetFiles(root).write("/etc/os-release", "x")).rejects.toMatchObject({ code: "TARGET_PATH_UNSAFE" });
});

test("removing a link leaves what it points to", async () => {
  writeFileSync(join(root, "etc/real"), "kept");
  symlinkSync("real", join(root, "etc/alias"));
  const target = targetFiles(root);
  await target.remove("/etc/alias");
  expect(await target.exists("/etc/alias")).toBe(false);
  expect(await target.read("/etc/real")).toBe("kept");
});

test("a file that is not there reads as undefined, a folder that is not there is empty", async () => {
  const target = targetFiles(root);
  expect(await target.read("/etc/none")).toBeUndefined();
  expect(await target.list("/none")).toEqual([]);
});
