import { readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { entryOf, readLock, writeEntry } from "@dibjs/core/lock/file.js";
import { createExec } from "@dibjs/core/process/exec.js";
import { describe, expect, test } from "vitest";
import { anEntry } from "../../../support/lock-entry.js";
import { tempFolder } from "../../../support/temp-folder.js";

const exec = createExec();
const owner = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };
const write = (file: string, image: string, arch = "amd64") =>
  writeEntry(anEntry({ arch }), { file, image, owner }, exec);

describe("an entry", () => {
  test("is added beside others and replaces its own", async () => {
    await using folder = await tempFolder();
    const file = join(folder.path, "dib.lock");
    expect(await readLock(file)).toBeUndefined();
    await write(file, "one");
    await write(file, "two");
    await write(file, "one", "arm64");
    expect(Object.entries((await readLock(file))?.images ?? {}).map(([name, { arch }]) => [name, arch])).toEqual([
      ["one", "arm64"],
      ["two", "amd64"],
    ]);
    expect(readdirSync(folder.path)).toEqual(["dib.lock"]);
  });

  test("is lost by no other build that writes at the same time", async () => {
    await using folder = await tempFolder();
    const file = join(folder.path, "dib.lock");
    const names = ["a", "b", "c", "d", "e", "f"];
    await Promise.all(names.map((name) => write(file, name)));
    expect(Object.keys((await readLock(file))?.images ?? {})).toEqual(names);
  });

  test("replaces a link and never writes through it", async () => {
    await using folder = await tempFolder();
    const file = join(folder.path, "dib.lock");
    writeFileSync(join(folder.path, "other"), '{ "images": {}, "version": 1 }');
    symlinkSync("other", file);
    await write(file, "one");
    expect(readFileSync(join(folder.path, "other"), "utf8")).toBe('{ "images": {}, "version": 1 }');
  });

  test("of a name that objects have by themselves is not there", async () => {
    expect(entryOf({ version: 1, images: {} }, "constructor")).toBeUndefined();
  });

  test("that can't be written is LOCK_UNWRITABLE with the file", async () => {
    await using folder = await tempFolder();
    const file = join(folder.path, "gone/dib.lock");
    await expect(write(file, "one")).rejects.toMatchObject({
      code: "LOCK_UNWRITABLE",
      kind: "host",
      context: { file },
    });
  });

  test("is not written into a lock that can't be read, which stays as it is", async () => {
    await using folder = await tempFolder();
    const file = join(folder.path, "dib.lock");
    writeFileSync(file, "{");
    await expect(write(file, "one")).rejects.toMatchObject({ code: "LOCK_INVALID" });
    expect(readFileSync(file, "utf8")).toBe("{");
  });
});
