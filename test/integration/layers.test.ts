/** Builds of one project one after another: which phases run, and which results are taken from the layers of earlier builds. */
import { appendFileSync, lstatSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { BuildEvent } from "@dibjs/core";
import { expect, test } from "vitest";
import { Project } from "../support/toy-os.js";

const restored = (events: readonly BuildEvent[]): string[] =>
  events.flatMap((event) => (event.type === "phase-restored" ? [event.phase] : []));
const notes = (events: readonly BuildEvent[]): string[] =>
  events.flatMap((event) => (event.type === "note" ? [event.text] : []));

const treePhases = ["root", "extra-data", "pre-install", "install", "post-install", "post-root"];
const again = { flags: { overwriteOldImage: true } };

test("a build of what has not changed takes every tree phase from the layers of the one before", async () => {
  using project = new Project();
  for (const phase of ["pre-install", "install", "post-install"])
    project.script(`${phase}.d/10-x`, `echo ${phase} >> /etc/log; ln /etc/log /etc/log-${phase}`);
  const first = await project.build();
  expect([restored(first.events), notes(first.events)]).toEqual([[], []]);
  const second = await project.build(again);
  expect([restored(second.events), notes(second.events)]).toEqual([treePhases, []]);
});

test("a changed script runs again with extra-data, which sees all scripts, and the phases after it; a script on the disk leaves all layers as they are", async () => {
  using project = new Project();
  project.script("pre-install.d/10-x", "echo one > /etc/one");
  project.script("install.d/10-x", "echo one > /etc/two");
  project.script("finalise.d/10-x", "cat /etc/one /etc/two > /etc/three");
  await project.build();
  project.script("finalise.d/10-x", "cat /etc/one /etc/two > /etc/four");
  const late = await project.build(again);
  project.script("install.d/10-x", "echo two > /etc/two");
  const middle = await project.build(again);
  expect([restored(late.events), restored(middle.events)]).toEqual([
    treePhases.filter((phase) => phase !== "extra-data"),
    ["root", "pre-install"],
  ]);
});

test("a build is up to date while its outputs are as they were, and touches none of them", async () => {
  using project = new Project();
  project.script("install.d/10-x", "echo one > /etc/one");
  await project.build(again);
  const outputs = () =>
    readdirSync(project.out).map((name) => [name, lstatSync(join(project.out, name), { bigint: true }).ctimeNs]);
  const before = outputs();
  const same = await project.build(again);
  expect(same.events.filter(({ type }) => ["phase-start", "up-to-date", "format"].includes(type))).toEqual([
    { type: "up-to-date", since: same.report.startedAt },
  ]);
  expect(outputs()).toEqual(before);
  appendFileSync(join(project.out, "image.tar"), "x");
  const touched = await project.build(again);
  expect(touched.events.filter(({ type }) => type === "up-to-date" || type === "format")).toHaveLength(1);
  expect(readFileSync(join(project.out, "image.tar")).at(-1)).toBe(0);
  project.script("finalise.d/10-x", "true");
  const edited = await project.build(again);
  expect(edited.events.map(({ type }) => type)).not.toContain("up-to-date");
});
