import { createHash } from "node:crypto";
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { BuildEvent } from "@dibjs/core";
import { SourceRecord, sourcesOf } from "@dibjs/core/fetch/sources.js";
import type { LockEntry } from "@dibjs/core/lock/lock.js";
import { createExec } from "@dibjs/core/process/exec.js";
import { describe, expect, test } from "vitest";
import { serveFolder } from "../../../support/file-server.js";
import { anEntry } from "../../../support/lock-entry.js";
import { tempFolder } from "../../../support/temp-folder.js";

const sha256 = (text: string) => createHash("sha256").update(text).digest("hex");
const exec = createExec();

function record(entry?: LockEntry, events: BuildEvent[] = []): SourceRecord {
  const locked =
    entry === undefined ? undefined : { file: "dib.lock", image: "image", command: "dib lock --update", entry };
  const mask = (text: string) => text.replaceAll("s3cret", "***");
  return new SourceRecord({ locked, mask, emit: (event) => void events.push(event) });
}

async function served(content: string) {
  const [files, cache] = [await tempFolder(), await tempFolder()];
  writeFileSync(join(files.path, "file"), content);
  const server = await serveFolder(files.path);
  return {
    server,
    url: `${server.url}/file`,
    file: join(cache.path, "file"),
    async [Symbol.asyncDispose]() {
      for (const each of [server, files, cache]) await each[Symbol.asyncDispose]();
    },
  };
}

describe("a download", () => {
  test("is recorded and told, once", async () => {
    await using place = await served("one\n");
    const events: BuildEvent[] = [];
    const sources = record(undefined, events);
    for (let times = 0; times < 2; times++) await sourcesOf(sources, { exec }).download(place);
    const file = { url: place.url, sizeBytes: 4, sha256: sha256("one\n") };
    expect(sources.files).toEqual([file]);
    expect(events).toEqual([{ type: "fetched", ...file }]);
  });

  test("of a locked build comes from the cache when the locked file is there, wherever the server is", async () => {
    await using place = await served("two\n");
    writeFileSync(place.file, "one\n");
    const sources = record(anEntry({ files: { [place.url]: { sizeBytes: 4, sha256: sha256("one\n") } } }));
    await sourcesOf(sources, { exec }).download(place);
    expect(place.server.requests).toEqual([]);
    expect(sources.files).toEqual([{ url: place.url, sizeBytes: 4, sha256: sha256("one\n") }]);
  });

  test("of a locked build that gives another file is refused with both sums, and nothing of it is kept", async () => {
    await using place = await served("two\n");
    const sources = record(anEntry({ files: { [place.url]: { sizeBytes: 4, sha256: sha256("one\n") } } }));
    await expect(sourcesOf(sources, { exec }).download(place)).rejects.toMatchObject({
      code: "LOCK_MISMATCH",
      context: {
        differences: [
          { part: "file", name: place.url, locked: `sha256 ${sha256("one\n")}`, now: `sha256 ${sha256("two\n")}` },
        ],
      },
    });
    expect(existsSync(place.file)).toBe(false);
  });

  test("of a locked build is refused before anything is fetched when its checksum is not the locked one", async () => {
    await using place = await served("two\n");
    const sources = record(anEntry({ files: { [place.url]: { sizeBytes: 4, sha256: sha256("one\n") } } }));
    const request = { ...place, sha256: sha256("two\n") };
    await expect(sourcesOf(sources, { exec }).download(request)).rejects.toMatchObject({ code: "LOCK_MISMATCH" });
    expect(place.server.requests).toEqual([]);
  });

  test("of a locked build that the lock does not have is refused", async () => {
    await using place = await served("one\n");
    await expect(sourcesOf(record(anEntry()), { exec }).download(place)).rejects.toMatchObject({
      code: "LOCK_MISMATCH",
      context: { differences: [{ name: place.url, now: `sha256 ${sha256("one\n")}` }] },
    });
  });
});

describe("a record", () => {
  test("has no user, password or secret of an address, and finds the locked file all the same", () => {
    const url = "https://user:pass@example.org/file?token=s3cret";
    const shown = "https://example.org/file?token=***";
    const file = { sizeBytes: 3, sha256: "a".repeat(64) };
    const sources = record(anEntry({ files: { [shown]: file }, git: { [`${shown} main`]: "1".repeat(40) } }));
    sources.addFile({ url, ...file });
    sources.addCommit({ url, ref: "main", commit: "1".repeat(40) });
    expect(sources.files).toEqual([{ url: shown, ...file }]);
    expect(sources.commits).toEqual([{ url: shown, ref: "main", commit: "1".repeat(40) }]);
  });

  test("gives the locked commit of a ref, and refuses another", () => {
    const sources = record(anEntry());
    expect(sources.lockedCommit("https://example.org/code", "main")).toBe("1".repeat(40));
    expect(sources.lockedCommit("https://example.org/code", "next")).toBeUndefined();
    expect(() => sources.addCommit({ url: "https://example.org/code", ref: "main", commit: "2".repeat(40) })).toThrow(
      expect.objectContaining({ code: "LOCK_MISMATCH" }),
    );
  });
});
