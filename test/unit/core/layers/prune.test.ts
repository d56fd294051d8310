import { mkdirSync, mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pruneLayers } from "@dibjs/core/layers/prune.js";
import type { LayerStore } from "@dibjs/core/layers/store.js";
import { afterEach, beforeEach, expect, test } from "vitest";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "dib-prune-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

const now = new Date("2026-06-30T00:00:00Z");
const day = 86_400;

/** A store of layers by name: the age since they were used, days, and the size. `busy` ones are a build's. */
function storeOf(
  layers: Readonly<Record<string, readonly [days: number, bytes: number]>>,
  busy: readonly string[] = [],
  ofOthers: readonly string[] = [],
) {
  const stored = Object.entries(layers).map(([id, [days, sizeBytes]]) => {
    const at = join(folder, id);
    mkdirSync(at);
    writeFileSync(join(at, "layer.json"), "");
    const used = new Date(now.getTime() - days * day * 1000);
    utimesSync(join(at, "layer.json"), used, used);
    return { id, folder: at, sizeBytes };
  });
  const readable = stored.filter(({ id }) => !ofOthers.includes(id));
  const remove = async (id: string) => {
    if (!busy.includes(id)) rmSync(join(folder, id), { recursive: true });
    return !busy.includes(id);
  };
  return {
    folder,
    names: async () => readdirSync(folder),
    list: async () => readable,
    remove,
  } as unknown as LayerStore;
}

const pruned = async (store: LayerStore, maxBytes: number, maxDays: number) =>
  (await pruneLayers(store, { maxBytes, maxAgeSeconds: maxDays * day }, now)).map(({ id }) => id);

test("layers that nobody has used for long go", async () => {
  expect(await pruned(storeOf({ old: [31, 1], new: [1, 1] }), 100, 30)).toEqual(["old"]);
});

test("those used longest ago go until the rest fits", async () => {
  expect(await pruned(storeOf({ c: [1, 40], a: [3, 40], b: [2, 40] }), 80, 30)).toEqual(["a"]);
});

test("what a build uses stays, and another goes in its place", async () => {
  expect(await pruned(storeOf({ a: [3, 40], b: [2, 40], c: [1, 40] }, ["a"]), 80, 30)).toEqual(["b"]);
});

test("a layer that was used in the future, by a clock that was set back, is as one that was used now", async () => {
  expect(await pruned(storeOf({ future: [-400, 40], a: [1, 40] }), 40, 30)).toEqual(["a"]);
});

test("what another version of the engine has stored goes when nobody has used it for long, and not for its size", async () => {
  const store = storeOf(
    { "theirs-old": [31, 40], "theirs-new": [1, 400], own: [1, 40] },
    [],
    ["theirs-old", "theirs-new"],
  );
  await pruned(store, 50, 30);
  expect(readdirSync(folder)).toEqual(["own", "theirs-new"]);
});
