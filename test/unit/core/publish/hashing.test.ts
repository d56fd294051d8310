import { createHash } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { Hashing } from "@dibjs/core/publish/hashing.js";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "dib-test-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const sha256 = (content: string) => createHash("sha256").update(content).digest("hex");

test("a file whose hashing has begun is read once, and tells its digests when asked", async () => {
  const file = join(folder, "image");
  writeFileSync(file, "whole");
  using hashing = new Hashing(["md5", "sha256"]);
  await hashing.start(file);
  writeFileSync(file, "other");
  expect(await hashing.digestsOf(file)).toEqual({
    md5: createHash("md5").update("whole").digest("hex"),
    sha256: sha256("whole"),
  });
});

test("a file that is gone fails who asks for its digests, and no other file", async () => {
  const [gone, there] = [join(folder, "gone"), join(folder, "there")];
  writeFileSync(there, "there");
  using hashing = new Hashing(["sha256"]);
  void hashing.start(gone);
  void hashing.start(there);
  expect(await hashing.digestsOf(there)).toEqual({ sha256: sha256("there") });
  await expect(hashing.digestsOf(gone)).rejects.toMatchObject({ code: "ENOENT" });
});

test("once disposed of, it reads no further", async () => {
  const file = join(folder, "image");
  writeFileSync(file, "whole");
  const hashing = new Hashing(["sha256"]);
  const digests = hashing.start(file);
  hashing[Symbol.dispose]();
  await expect(digests).rejects.toMatchObject({ name: "AbortError" });
});
