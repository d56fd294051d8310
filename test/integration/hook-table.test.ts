/**
 * An element as a third party would write it (an npm package with a plugin, packed and installed in a project of its
 * own, beside elements in plain folders) taps every hook of the table. Real builds call each at its documented place,
 * and what its taps change is read from the finished image with another tool.
 */
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { createHooks, phaseNames, type BuildEvent, type BuildReport } from "@dibjs/core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { anElement } from "../support/build-fixture.js";
import { installElements } from "../support/npm-project.js";
import { probeElement } from "../support/probe-element.js";
import { Project } from "../support/toy-os.js";

const table = createHooks();

/** Hooks that run before elements are loaded: only the caller can tap them. */
const callerOnly = ["config", "discover"];

let project: Project;
let trace: string;
let events: BuildEvent[];
let report: BuildReport;
/** What the taps wrote down in the good build, in order, one a line; the front's and the worker's process each write. */
let written: string[];
/** The same, without the side. */
let calls: string[];

beforeAll(async () => {
  project = new Project();
  trace = join(project.dir, "trace");
  project.write(
    "elements/toy-os/block-device-default.yaml",
    "- local_loop:\n    name: image0\n- third_party:\n    name: extra\n    base: image0\n- mkfs:\n    name: mkfs_root\n    base: image0\n    mount:\n      mount_point: /\n      fstab:\n        options: defaults\n",
  );
  project.write("elements/unwanted/install.d/70-unwanted", "#!/bin/bash\necho there > /etc/unwanted\n");
  project.write("elements/broken/install.d/80-broken", "#!/bin/bash\nexit 3\n");
  project.write("elements/slow/install.d/80-slow", "#!/bin/bash\necho waiting; sleep 600\n");
  installElements(project.dir, [
    {
      element: anElement("friend").script("post-install.d/20-friend", "echo 'of a friend' > /etc/friend"),
      manifest: { version: "1.4.2" },
    },
    {
      element: probeElement(trace),
      manifest: { version: "1.2.3", entry: "./plugin.mjs", core: "^1.0.0", requires: { friend: "^1.4.0" } },
    },
    {
      element: anElement("picky").script("install.d/20-picky"),
      manifest: { version: "3.0.0", requires: { friend: "^2.0.0 || >=1.5" } },
    },
  ]);

  const seen: string[] = [];
  ({ events, report } = await project.build({
    elements: ["toy-os", "probe", "unwanted"],
    flags: { formats: ["qcow2", "third-party"] },
    tap: (hooks) => {
      hooks.config.tap((config) => (seen.push("front config"), { ...config, formats: [...config.formats, "tar"] }));
      hooks.discover.tap(() => void seen.push("front discover"));
    },
  }));
  written = [...seen, ...readTrace()];
  calls = written.map(withoutSide);
});

afterAll(() => project[Symbol.dispose]());

const readTrace = (): string[] => readFileSync(trace, "utf8").trim().split("\n");
const withoutSide = (line: string): string => line.slice(line.indexOf(" ") + 1);

const first = (call: string): number => {
  expect(calls, call).toContain(call);
  return calls.indexOf(call);
};

describe("every hook of the table is called", () => {
  const onSuccess = Object.entries(table).filter(([name]) => !callerOnly.includes(name) && name !== "failed");

  test.each(onSuccess)("%s, from a third-party element, on the side that the table says", (name, { side }) => {
    const sides = written.flatMap((line) => {
      const [at = "", call = ""] = line.split(" ");
      return call === name || call.startsWith(`${name}:`) ? [at] : [];
    });
    expect([...new Set(sides)].sort()).toEqual(side === "both" ? ["front", "worker"] : [side]);
  });

  test("failed is not, when a build goes well", () => {
    expect(calls.filter((call) => call.startsWith("failed"))).toEqual([]);
  });

  test.each(callerOnly)("%s, from the caller, before elements are loaded", (name) => {
    expect(first(name)).toBeLessThan(first("expand"));
  });

  test.each(phaseNames)("beforePhase, phase and afterPhase of %s, in this order", (phase) => {
    expect(first(`beforePhase:${phase}`)).toBeLessThan(first(`phase:${phase}`));
    expect(first(`phase:${phase}`)).toBeLessThan(first(`afterPhase:${phase}`));
  });

  test("event sees in the worker what happens there, and in the front that and what happens in the front", () => {
    expect(written).toEqual(expect.arrayContaining(["worker event:install", "front event:install"]));
    expect(written).toEqual(expect.arrayContaining(["front event:planned", "front event:artifact"]));
    expect(written).not.toContain("worker event:planned");
    expect(written).not.toContain("worker event:artifact");
  });

  test("a fingerprint is taken for each tree phase and no other, and is in the report", () => {
    const taken = calls
      .filter((call) => call.startsWith("fingerprint:"))
      .map((call) => call.slice("fingerprint:".length));
    expect(taken).toEqual(["root", "extra-data", "pre-install", "install", "post-install", "post-root"]);
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

  test("afterPhase is told how long the phase has taken, its scripts included", () => {
    const [, phase, scripts] = /^root took ([\d.]+), its scripts ([\d.]+)$/m.exec(calls.join("\n")) ?? [];
    expect(Number(scripts)).toBeGreaterThan(0);
    expect(Number(phase)).toBeGreaterThan(Number(scripts));
  });

  test("mounts come after root and before extra-data; each is undone: after a phase, before the disk is made, and before formats", () => {
    expect(first("mount")).toBeGreaterThan(first("afterPhase:root"));
    expect(first("mount")).toBeLessThan(first("beforePhase:extra-data"));
    expect(first("unmount")).toBeLessThan(first("imageSize"));
    const mounts = calls.filter((call) => call === "mount" || call === "unmount");
    expect(mounts).toEqual(mounts.map((_, at) => (at % 2 === 0 ? "mount" : "unmount")));
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
});

/** Of a build that does not go well: what the element's taps were called with. */
async function callsOf(build: Promise<unknown>, code: string): Promise<string[]> {
  const before = readTrace().length;
  await expect(build).rejects.toMatchObject({ code });
  return readTrace().slice(before);
}

describe("a build that fails", () => {
  test("calls the element's cleanup in the worker, then its failed in the front with the error, and not done", async () => {
    const made = await callsOf(project.build({ elements: ["toy-os", "probe", "broken"] }), "SCRIPT_FAILED");
    expect(made.slice(-2)).toEqual(["worker cleanup", "front failed:SCRIPT_FAILED"]);
    expect(made).toContain("worker unmount");
    expect(made.map(withoutSide)).not.toContain("artifact");
    expect(made.map(withoutSide)).not.toContain("done");
  });

  test("by an interrupt calls them too", async () => {
    const abort = new AbortController();
    const interrupted = project.build({
      elements: ["toy-os", "probe", "slow"],
      signal: abort.signal,
      tap: (hooks) =>
        hooks.event.tap((event) => void (event.type === "output" && event.text === "waiting" && abort.abort("SIGINT"))),
    });
    const made = await callsOf(interrupted, "BUILD_INTERRUPTED");
    expect(made.slice(-2)).toEqual(["worker cleanup", "front failed:BUILD_INTERRUPTED"]);
  });

  test("before elements are loaded tells the caller", async () => {
    const failures: string[] = [];
    const failing = project.build({
      elements: ["toy-os", "nothing-like-it"],
      tap: (hooks) => hooks.failed.tap((error) => void failures.push((error as { code?: string }).code ?? "")),
    });
    expect(await callsOf(failing, "ELEMENT_NOT_FOUND")).toEqual([]);
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

describe("a dependency by semver range, on a package that npm installed", () => {
  test("is taken in when the installed version is in the range", () => {
    const found = Object.fromEntries(
      report.elements.map(({ name, version, package: from }) => [name, { version, from }]),
    );
    expect(found).toMatchObject({
      friend: { version: "1.4.2", from: "dib-element-friend" },
      probe: { version: "1.2.3", from: "dib-element-probe" },
    });
  });

  test("is ELEMENT_VERSION_CONFLICT when it is not", async () => {
    await expect(project.build({ elements: ["toy-os", "probe", "picky"] })).rejects.toMatchObject({
      code: "ELEMENT_VERSION_CONFLICT",
      context: {
        name: "friend",
        version: "1.4.2",
        askers: [
          { by: ["picky", "friend"], range: "^2.0.0 || >=1.5" },
          { by: ["probe", "friend"], range: "^1.4.0" },
        ],
      },
    });
  });
});

describe("what the element changed is in the finished qcow2, read with another tool", () => {
  let raw: string;
  beforeAll(() => {
    raw = join(project.dir, "raw");
    execFileSync("qemu-img", ["convert", "-O", "raw", join(project.out, "image.qcow2"), raw]);
  });

  /** Empty for what is not there. */
  const fromImage = (path: string): string =>
    execFileSync("debugfs", ["-R", `cat ${path}`, raw], { stdio: ["ignore", "pipe", "ignore"] }).toString();

  test.each([
    ["its TypeScript step, with its environment.d value", "/etc/probe-typescript", 'typescript sees 42 and "quoted"\n'],
    ["its phase script", "/etc/probe-shell", 'shell sees 42 and "quoted"\n'],
    ["its dependency's script", "/etc/friend", "of a friend\n"],
    ["plan and environment: variables for scripts", "/etc/probe-environment", "planned and in install\n"],
    ["mount: a folder of the host for a script to read", "/etc/probe-mounted", "from the host\n"],
    ["generateHooks: another script", "/etc/probe-generated", "generated\n"],
    ["generateHooks: a script that reads otherwise", "/etc/probe-edited", "as edited\n"],
    ["script: one that did not run", "/etc/probe-skipped", ""],
    ["expand: an element that is not there", "/etc/unwanted", ""],
    ["mount: nothing of what was mounted", "/mnt/probe/word", ""],
  ])("%s", (_, path, content) => {
    expect(fromImage(path)).toBe(content);
  });

  test("imageSize: 64 MiB more than was computed", () => {
    const info = JSON.parse(
      execFileSync("qemu-img", ["info", "--output=json", join(project.out, "image.qcow2")]).toString(),
    ) as { "virtual-size": number };
    expect(info["virtual-size"]).toBe(report.disk?.sizeBytes);
    const computed = calls.find((call) => call.startsWith("computed "))?.slice("computed ".length);
    expect(info["virtual-size"]).toBe(Number(computed) + 64 * 2 ** 20);
  });

  test("config: one more format", () => {
    expect(report.artifacts.map(({ format }) => format).sort()).toEqual(["qcow2", "tar", "third-party"]);
    expect(existsSync(join(project.out, "image.tar"))).toBe(true);
  });

  test("steps and scripts shared one order, and the report says which was skipped", () => {
    const scripts = report.phases.find(({ phase }) => phase === "install")?.scripts ?? [];
    expect(scripts.map(({ script, outcome }) => `${script} ${outcome}`)).toEqual([
      "10-from-typescript done",
      "20-from-shell done",
      "25-environment done",
      "30-mounted done",
      "40-generated done",
      "50-skipped skipped",
      "60-edited done",
    ]);
    expect(events).not.toContainEqual(expect.objectContaining({ type: "script-start", element: "unwanted" }));
  });

  test("its format and its block device node were used", () => {
    expect(readFileSync(join(project.out, "image.txt"), "utf8").split("\n")).toContain("etc");
    expect(calls).toContain("made node extra");
  });
});
