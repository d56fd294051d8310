/** Stores that give each other layers by way of a folder, as machines of a CI do. */
import { execFileSync } from "node:child_process";
import { cpSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { BuildEvent } from "@dibjs/core";
import { digestTree } from "@dibjs/core/layers/tree-digest.js";
import { createExec } from "@dibjs/core/process/exec.js";
import { afterEach, beforeEach, expect, test } from "vitest";
import { Project } from "../support/toy-os.js";

let project: Project;
beforeEach(() => {
  project = new Project();
  project.script("pre-install.d/10-x", "echo old > /etc/gone; mkdir /etc/opaque; echo old > /etc/opaque/old");
  project.script(
    "install.d/10-x",
    "echo one > /etc/one; ln /etc/one /etc/two; rm /etc/gone; rm -r /etc/opaque; mkdir -m 0700 /etc/opaque",
  );
});
afterEach(() => project[Symbol.dispose]());

const treePhases = ["root", "extra-data", "pre-install", "install", "post-install", "post-root"];
const folder = () => join(project.dir, "exchange");
const givenNames = () => readdirSync(folder()).sort();
const restored = (events: readonly BuildEvent[]): string[] =>
  events.flatMap((event) => (event.type === "phase-restored" ? [event.phase] : []));
const warnings = (events: readonly BuildEvent[]): string[] =>
  events.flatMap((event) => (event.type === "note" && event.level === "warning" ? [event.text] : []));
const build = (flags: Record<string, unknown>) => project.build({ flags: { overwriteOldImage: true, ...flags } });
const onOtherMachine = (flags: Record<string, unknown> = {}) =>
  build({ cacheDir: join(project.dir, "other-cache"), cacheFrom: folder(), ...flags });

async function imageDigest(): Promise<string> {
  const place = join(project.dir, "unpacked");
  rmSync(place, { recursive: true, force: true });
  execFileSync("mkdir", [place]);
  execFileSync("tar", [
    "-C",
    place,
    "--xattrs",
    "--xattrs-include=*",
    "--numeric-owner",
    "-xpf",
    join(project.out, "image.tar"),
  ]);
  return digestTree(place, createExec());
}

test("what one build leaves is what another, with an empty store, takes, and the image is the same", async () => {
  const first = await build({ cacheTo: folder() });
  const digest = await imageDigest();
  expect([restored(first.events), givenNames().length]).toEqual([[], treePhases.length]);
  const second = await onOtherMachine();
  expect([restored(second.events), warnings(second.events)]).toEqual([treePhases, []]);
  expect(await imageDigest()).toBe(digest);
});

test("only what is needed is taken, and what is there already is not left again", async () => {
  await build({ cacheTo: folder() });
  const before = givenNames();
  project.script("install.d/10-x", "echo another > /etc/one");
  const { events } = await onOtherMachine({ cacheTo: folder() });
  expect(restored(events)).toEqual(["root", "pre-install"]);
  expect(readdirSync(join(project.dir, "other-cache/layers")).filter((name) => name.includes("."))).toHaveLength(6);
  expect(givenNames()).toHaveLength(before.length + 4); // extra-data and the phases from install on
});

test("a build of which nothing has changed leaves what it took", async () => {
  await build({});
  await build({ cacheTo: folder() });
  expect(givenNames()).toHaveLength(treePhases.length);
});

test("a build that fails leaves what it made before", async () => {
  project.script("post-install.d/10-x", "exit 1");
  await expect(build({ cacheTo: folder() })).rejects.toMatchObject({ code: "SCRIPT_FAILED" });
  expect(givenNames()).toHaveLength(4);
});

const damages: Readonly<Record<string, (layer: string) => void>> = {
  "an archive that was cut short": (layer) => execFileSync("truncate", ["-s", "100", join(layer, "tree.tar.zst")]),
  "the archive of another layer": (layer) => {
    const other = givenNames().find((name) => !layer.endsWith(name)) ?? "";
    cpSync(join(folder(), other, "tree.tar.zst"), join(layer, "tree.tar.zst"));
  },
  "a description that was changed": (layer) =>
    execFileSync("sed", ["-i", `s/"phase":"install"/"phase":"root"/`, join(layer, "layer.json")]),
  "a description of another version": (layer) => writeFileSync(join(layer, "layer.json"), "{}\n"),
  "no description": (layer) => rmSync(join(layer, "layer.json")),
};
test.each(Object.keys(damages))("%s: a warning, the phase runs, and the image is right", async (what) => {
  await build({ cacheTo: folder() });
  const digest = await imageDigest();
  const install = givenNames().find((name) => describes(name, "install")) ?? "";
  damages[what]?.(join(folder(), install));
  const { events } = await onOtherMachine();
  expect(restored(events)).not.toContain("install");
  expect(warnings(events)).toHaveLength(1);
  expect(await imageDigest()).toBe(digest);
  expect(readdirSync(join(project.dir, "other-cache/layers")).filter((name) => name.startsWith(".new"))).toEqual([]);
});

const describes = (name: string, phase: string): boolean =>
  readFileSync(join(folder(), name, "layer.json"), "utf8").includes(`"phase":"${phase}"`);

test("a folder that is not there holds nothing; one that can't be written is told, and the image is made", async () => {
  const { events } = await build({ cacheFrom: folder(), cacheTo: project.write("file", "") });
  expect(restored(events)).toEqual([]);
  expect(warnings(events)).toEqual([expect.stringMatching(/^Not all layers are left in .*\/file: /)]);
  expect(existsSync(join(project.out, "image.tar"))).toBe(true);
});
