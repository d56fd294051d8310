/** Builds of one project one after another: which phases run, and which results are taken from the layers of earlier builds. */
import { appendFileSync, lstatSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { forecastImage, planImage, type BuildEvent } from "@dibjs/core";
import { describe, expect, test } from "vitest";
import { anElement } from "../support/build-fixture.js";
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

describe("a change invalidates the phases that can see it, and dib cache why names it", () => {
  const later = ["pre-install", "install", "post-install", "post-root"];
  const change: Readonly<
    Record<string, { act: (project: Project) => Record<string, string> | void; runs: string[]; reason: string }>
  > = {
    "a variable of the caller": {
      act: () => ({ DIB_TOY: "two" }),
      runs: treePhases,
      reason: "variable DIB_TOY: one → two",
    },
    "a static file": {
      act: (project) => void project.write("elements/subject/static/etc/motd", "two"),
      runs: treePhases,
      reason: "file static/etc/motd has changed",
    },
    "a file of environment.d": {
      act: (project) => void project.write("elements/subject/environment.d/10-x.bash", "export X=2\n"),
      runs: treePhases,
      reason: "file environment.d/10-x.bash has changed",
    },
    "a script of install": {
      act: (project) => project.script("install.d/10-x", "echo two > /etc/x"),
      runs: ["extra-data", "install", "post-install", "post-root"],
      reason: "file install.d/10-x has changed",
    },
    "a script more in post-root": {
      act: (project) => project.script("post-root.d/10-x", "true"),
      runs: ["extra-data", "post-root"],
      reason: "file post-root.d/10-x is new",
    },
    "a script of extra-data that gives something else": {
      act: (project) => project.script("extra-data.d/10-x", `echo two > "$TARGET_ROOT/etc/extra"`),
      runs: ["extra-data", ...later],
      reason: "file extra-data.d/10-x has changed",
    },
    "an element's version": {
      act: (project) => packaged(project, "1.1.0", "echo 1.1 > /etc/packaged"),
      runs: ["extra-data", "post-install", "post-root"],
      reason: "file post-install.d/10-packaged has changed",
    },
  };

  const packaged = (project: Project, version: string, body: string): void => {
    const element = anElement("packaged").script("post-install.d/10-packaged", body);
    element.writeAsPackage(join(project.dir, "node_modules"), { version });
  };

  test.each(Object.keys(change))("%s", async (what) => {
    using project = new Project();
    project.write("package.json", JSON.stringify({ dependencies: { "dib-element-packaged": "^1.0.0" } }));
    packaged(project, "1.0.0", "echo 1.0 > /etc/packaged");
    project.write("elements/subject/static/etc/motd", "one");
    project.write("elements/subject/environment.d/10-x.bash", "export X=1\n");
    project.script("extra-data.d/10-x", `echo one > "$TARGET_ROOT/etc/extra"`);
    project.script("install.d/10-x", "echo one > /etc/x");
    const elements = ["toy-os", "subject", "packaged"];
    await project.build({ elements, env: { DIB_TOY: "one" } });
    const { act, runs, reason } = change[what] ?? { act: () => undefined, runs: [], reason: "" };
    const env = { DIB_TOY: "one", ...act(project) };
    const config = await project.config(elements, again.flags, env);
    const forecast = await forecastImage(await planImage(config));
    const { events } = await project.build({ elements, env, ...again });
    expect(restored(events)).toEqual(treePhases.filter((phase) => !runs.includes(phase)));
    expect(forecast.find(({ state }) => state === "runs")?.reasons).toEqual([reason]);
  });
});

test("a layer that is being kept when the cleanup phase begins is kept, also with the cache beside the image", async () => {
  using project = new Project();
  project.script("install.d/10-x", "mkdir /many; for ((at = 0; at < 30000; at++)); do : > /many/$at; done");
  project.script("finalise.d/10-x", "echo one > /etc/one");
  const flags = { overwriteOldImage: true, cacheDir: join(project.out, "cache") };
  const first = await project.build({ flags });
  project.script("finalise.d/10-x", "echo two > /etc/one");
  const second = await project.build({ flags });
  expect([notes(first.events), restored(second.events)]).toEqual([
    [],
    treePhases.filter((phase) => phase !== "extra-data"),
  ]);
});
