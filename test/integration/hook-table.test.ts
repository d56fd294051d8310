/**
 * An element as a third party would write it (an npm package with a plugin, in a project of its own) taps every hook of
 * the table, and a real build calls each at its documented place.
 */
import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { createHooks, phaseNames, type BuildEvent, type BuildReport } from "@dibjs/core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Project } from "../support/toy-os.js";

const core = fileURLToPath(new URL("../../packages/core", import.meta.url));
const table = createHooks();

/** Hooks that run before elements are loaded: only the caller can tap them. */
const callerOnly = ["config", "discover"];

let project: Project;
let events: BuildEvent[];
let report: BuildReport;
/** What the plugin's taps wrote down, in order, a hook a line; the front's and the worker's process each write. */
let calls: string[];

beforeAll(async () => {
  project = new Project();
  const trace = join(project.dir, "trace");
  project.write(
    "elements/toy-os/block-device-default.yaml",
    "- local_loop:\n    name: image0\n- third_party:\n    name: extra\n    base: image0\n- mkfs:\n    name: mkfs_root\n    base: image0\n    mount:\n      mount_point: /\n      fstab:\n        options: defaults\n",
  );
  project.write("elements/friend/element-deps", "");
  mkdirSync(join(project.dir, "node_modules/@dibjs"), { recursive: true });
  symlinkSync(core, join(project.dir, "node_modules/@dibjs/core"));
  const folder = "node_modules/dib-element-probe";
  project.write(
    `${folder}/package.json`,
    JSON.stringify({
      name: "dib-element-probe",
      version: "1.2.3",
      type: "module",
      dib: {
        apiVersion: 1,
        core: "^1.0.0",
        elements: { probe: "elements/probe" },
        requires: { friend: "^1.0.0" },
        entry: "./plugin.js",
      },
    }),
  );
  project.write(
    `${folder}/elements/probe/install.d/20-from-shell`,
    '#!/bin/bash\necho "shell sees $PROBE_VALUE" > /etc/probe-shell\n',
  );
  project.write(`${folder}/plugin.js`, plugin(trace));

  const seen: string[] = [];
  ({ events, report } = await project.build({
    elements: ["toy-os", "probe"],
    flags: { formats: ["qcow2", "third-party"] },
    tap: (hooks) => {
      hooks.config.tap((config) => (seen.push("config"), config));
      hooks.discover.tap(() => void seen.push("discover"));
    },
  }));
  calls = [...seen, ...readFileSync(trace, "utf8").trim().split("\n")];
});

afterAll(() => project[Symbol.dispose]());

/** Taps each key that the hook table has, at run time: a new hook that nobody calls fails the test below. */
const plugin = (trace: string): string => `
import { appendFileSync } from "node:fs";
import { createHooks, defineElement, defineFormat, defineBlockNode } from "@dibjs/core";

const write = (line) => appendFileSync(${JSON.stringify(trace)}, line + "\\n");
const thirdParty = defineFormat({
  name: "third-party", from: "tree", extension: "txt", hostCommands: [],
  async write({ staged, root }) {
    const { writeFileSync, readdirSync } = await import("node:fs");
    writeFileSync(staged, readdirSync(root).join("\\n"));
    return { files: [{ staged, extension: "txt" }] };
  },
});
const node = defineBlockNode({ name: "third_party", create: async ({ state, node }) => (write("made node " + node.name), true) });

export default defineElement({
  name: "probe",
  setup({ hooks, addScript, addEnvironment, addFormat, addBlockNode }) {
    addFormat(thirdParty);
    addBlockNode(node);
    addEnvironment("15-probe", { PROBE_VALUE: "42 and \\"quoted\\"" });
    addScript("install", "10-from-typescript", async ({ target, env }) => {
      await target.write("/etc/probe-typescript", "typescript sees " + env.PROBE_VALUE + "\\n");
      await target.run("cat", ["/etc/probe-typescript"]);
    });
    const answers = new Set(["plan", "expand", "environment", "imageSize"]);
    const table = createHooks();
    table.format.define("third-party"); table.format.define("qcow2");
    table.blockDevice.define("third_party"); table.blockDevice.define("mkfs");
    for (const [name, hook] of Object.entries(table)) {
      if (["config", "discover"].includes(name)) continue;
      const tap = (value) => { if (name !== "event" || value.type === "phase-end") write(name + (name === "event" ? ":" + value.phase : "")); return answers.has(name) ? value : undefined; };
      if (!("keys" in hook)) hooks[name].tap(tap);
      else for (const key of hook.keys) hooks[name].for(key).tap(() => { write(name + ":" + key); }, name === "format" || name === "blockDevice" ? { stage: -1 } : {});
    }
  },
});
`;

const first = (call: string): number => {
  expect(calls, call).toContain(call);
  return calls.indexOf(call);
};

describe("every hook of the table is called", () => {
  test.each(Object.keys(table).filter((name) => !callerOnly.includes(name)))(
    "%s, from a third-party element",
    (name) => {
      expect(calls.some((call) => call === name || call.startsWith(`${name}:`))).toBe(name !== "failed");
    },
  );

  test.each(callerOnly)("%s, from the caller, before elements are loaded", (name) => {
    expect(first(name)).toBeLessThan(first("expand"));
  });

  test.each(phaseNames)("beforePhase, phase and afterPhase of %s, in this order", (phase) => {
    expect(first(`beforePhase:${phase}`)).toBeLessThan(first(`phase:${phase}`));
    expect(first(`phase:${phase}`)).toBeLessThan(first(`afterPhase:${phase}`));
  });

  test("a fingerprint is taken for each tree phase and no other, and is in the report", () => {
    const taken = calls
      .filter((call) => call.startsWith("fingerprint:"))
      .map((call) => call.slice("fingerprint:".length));
    expect(taken).toEqual([
      "root",
      "extra-data",
      "pre-install",
      "install",
      "post-install",
      "post-root",
      "block-device",
    ]);
    for (const { phase, fingerprint } of report.phases)
      expect(fingerprint !== undefined, phase).toBe(taken.includes(phase));
  });
});

describe("the order of a build is that of the table", () => {
  test("config, discover, expand, plan, workspace, generateHooks, environment", () => {
    const order = ["config", "discover", "expand", "plan", "workspace", "generateHooks", "environment"].map(first);
    expect(order).toEqual([...order].sort((a, b) => a - b));
  });

  test("script and afterScript surround each script", () => {
    expect(first("script")).toBeLessThan(first("afterScript"));
  });

  test("mounts come after root and before extra-data; they are undone before the disk is made, and again before formats", () => {
    expect(first("mount")).toBeGreaterThan(first("afterPhase:root"));
    expect(first("mount")).toBeLessThan(first("beforePhase:extra-data"));
    expect(first("unmount")).toBeLessThan(first("imageSize"));
    expect(calls.filter((call) => call === "mount")).toHaveLength(2);
    expect(calls.lastIndexOf("unmount")).toBeLessThan(first("format:third-party"));
  });

  test("the disk is sized, then made, then the last phases run, then formats, then clean-up, then the front's hooks", () => {
    const order = [
      "imageSize",
      "blockDevice:third_party",
      "beforePhase:pre-finalise",
      "format:third-party",
      "format:qcow2",
      "cleanup",
      "artifact",
      "done",
    ].map(first);
    expect(order).toEqual([...order].sort((a, b) => a - b));
  });

  test("failed is called when a build fails, with the error", async () => {
    const failures: string[] = [];
    const failing = project.build({
      elements: ["toy-os", "nothing-like-it"],
      tap: (hooks) => hooks.failed.tap((error) => void failures.push((error as { code?: string }).code ?? "")),
    });
    await expect(failing).rejects.toMatchObject({ code: "ELEMENT_NOT_FOUND" });
    expect(failures).toEqual(["ELEMENT_NOT_FOUND"]);
  });

  test("a tap of failed that fails itself is noted, and the build fails with what it failed with", async () => {
    const notes: string[] = [];
    const failing = project.build({
      elements: ["toy-os", "nothing-like-it"],
      tap: (hooks) => {
        hooks.failed.tap(() => {
          throw new Error("nobody to tell");
        });
        hooks.event.tap((event) => void (event.type === "note" && notes.push(event.text)));
      },
    });
    await expect(failing).rejects.toMatchObject({ code: "ELEMENT_NOT_FOUND" });
    expect(notes.join()).toContain("nobody to tell");
  });
});

describe("what the element added is in the finished image, read with another tool", () => {
  const fromImage = (path: string): string => {
    const raw = join(project.dir, "raw");
    execFileSync("qemu-img", ["convert", "-O", "raw", join(project.out, "image.qcow2"), raw]);
    return execFileSync("debugfs", ["-R", `cat ${path}`, raw], { stdio: ["ignore", "pipe", "ignore"] }).toString();
  };

  test("its TypeScript step ran, with its environment.d value", () => {
    expect(fromImage("/etc/probe-typescript")).toBe('typescript sees 42 and "quoted"\n');
  });

  test("its script ran after the step: they share one order", () => {
    expect(fromImage("/etc/probe-shell")).toBe('shell sees 42 and "quoted"\n');
    const order = events.flatMap((event) =>
      event.type === "script-start" && event.element === "probe" ? [event.script] : [],
    );
    expect(order).toEqual(["10-from-typescript", "20-from-shell"]);
  });

  test("its dependency by semver range was taken in", () => {
    expect(report.elements.map(({ name }) => name)).toContain("friend");
    expect(report.elements.find(({ name }) => name === "probe")).toMatchObject({
      version: "1.2.3",
      package: "dib-element-probe",
    });
  });

  test("its format and its block device node were used", () => {
    expect(readFileSync(join(project.out, "image.txt"), "utf8").split("\n")).toContain("etc");
    expect(calls).toContain("made node extra");
  });
});
