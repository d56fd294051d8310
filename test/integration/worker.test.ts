/** The worker as a process: how it starts, how it dies, and that nothing outlives it. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { buildImage, planImage, type BuildEvent, type BuildOptions } from "@dibjs/core";
import { reportShape } from "@dibjs/core/report/report.js";
import { launchWorker } from "@dibjs/core/worker/launch.js";
import type { WorkerResult } from "@dibjs/core/worker/protocol.js";
import { sweepDeadBuilds } from "@dibjs/core/workspace/journal.js";
import { afterEach, beforeEach, expect, test } from "vitest";
import { descendants } from "../support/process-tree.js";
import { diskContext } from "../support/toy-disk.js";
import { outputOf, Project } from "../support/toy-os.js";

const dist = fileURLToPath(new URL("../../packages/core/dist", import.meta.url));
let project: Project;

beforeEach(() => void (project = new Project()));
afterEach(() => project[Symbol.dispose]());

function killWorker(): void {
  const worker = descendants(process.pid).find(
    ({ command }) => command.startsWith(process.execPath) && command.includes("worker/entry.js"),
  );
  if (worker === undefined) throw new Error("there is no worker");
  process.kill(worker.pid, "SIGKILL");
}

test("a worker that is killed ends the build as such, names the phase, and nothing is published", async () => {
  project.script("install.d/10-wait", "echo waiting; sleep 600");
  const killed = project.build({
    tap: (hooks) =>
      hooks.event.tap((event) => {
        if (event.type !== "output" || event.text !== "waiting") return;
        killWorker();
      }),
  });
  await expect(killed).rejects.toMatchObject({ code: "WORKER_DIED", context: { phase: "install" } });
  expect(readdirSync(project.out).filter((name) => !name.startsWith(".dib-"))).toEqual([]);
  expect(descendants(process.pid).filter(({ command }) => command.includes("sleep 600"))).toEqual([]);
});

test.each(["phase-start", "format"] as const)(
  "a tap in the front that fails at the event %s interrupts the build, which cleans up and publishes nothing",
  async (type) => {
    const failing = project.build({
      elements: ["toy-os"],
      tap: (hooks) =>
        hooks.event.tap((event) => {
          if (event.type === type) throw new Error("no more of this");
        }),
    });
    await expect(failing).rejects.toMatchObject({ code: "HOOK_TAP_FAILED", context: { hook: "event", tap: "caller" } });
    expect(readdirSync(`${project.dir}/tmp`)).toEqual([]);
    expect(readdirSync(project.out)).toEqual([]);
  },
);

test("a release that fails after the outputs were made leaves nothing of them, and no journal", async () => {
  project.write("dib.config.json", '{ "plugins": ["./plugin.mjs"] }');
  project.write("plugin.mjs", 'export default (hooks) => hooks.cleanup.tap(() => { throw new Error("I keep it"); });');
  let id = "";
  const failing = project.build({
    elements: ["toy-os"],
    tap: (hooks) =>
      hooks.event.tap((event) => void (event.type === "workspace" && (id = event.buildDir.split(".").at(-1) ?? ""))),
  });
  await expect(failing).rejects.toMatchObject({ code: "RELEASE_FAILED" });
  expect(readdirSync(project.out)).toEqual([]);
  expect(readdirSync("/run/dib")).not.toContain(id);
});

test("outputs that wait to be published are no dead build's; they are once the build is dead", async () => {
  const { plan, places } = await planImage(await project.config(["toy-os"]));
  let folder = "";
  const listener = {
    onEvent() {},
    onOutput() {},
    async onBreak() {},
    onUpToDate: () => undefined,
    async onDone({ staging }: WorkerResult) {
      folder = staging;
      expect(await sweepDeadBuilds(diskContext())).not.toContain(folder);
      expect(readdirSync(folder)).toEqual(["image.tar"]);
      killWorker();
      return undefined;
    },
  };
  await launchWorker(plan, places, listener, diskContext());
  expect(await sweepDeadBuilds(diskContext())).toContain(folder);
  expect(existsSync(folder)).toBe(false);
});

test("what a dead build left is cleared by the next start, and that build works", async () => {
  project.script("install.d/10-wait", "echo waiting; sleep 600");
  const killed = project.build({
    tap: (hooks) =>
      hooks.event.tap((event) => {
        if (event.type === "output" && event.text === "waiting") killWorker();
      }),
  });
  await expect(killed).rejects.toMatchObject({ code: "WORKER_DIED" });
  expect(readdirSync(`${project.dir}/tmp`)).toHaveLength(2);
  project.script("install.d/10-wait", "echo quick");
  await project.build();
  expect(readdirSync(`${project.dir}/tmp`)).toEqual([]);
  expect(readdirSync(project.out).sort()).toEqual(["image.report.json", "image.tar"]);
});

test("a work folder that is missing is made as the caller's, and goes again", async () => {
  project.script("pre-finalise.d/10-look", 'stat -c "%u:%g %a" "$TMP_BUILD_DIR/.." "$TMP_BUILD_DIR/../.."');
  const config = await project.config(undefined, { tmpDir: join(project.dir, "new/deep") });
  const events: BuildEvent[] = [];
  await buildImage(
    { ...config, caller: { ...config.caller, uid: 4242, gid: 4243 } },
    { onEvent: (event) => void events.push(event) },
  );
  expect(outputOf(events, "10-look")).toEqual(["4242:4243 755", "4242:4243 755"]);
  expect(readdirSync(project.dir)).not.toContain("new");
});

test.each([
  ["a good build", "echo done", "none"],
  ["a failed build", "exit 1", "SCRIPT_FAILED"],
])(
  "--keep leaves the work folders of %s, with the tree, and the next start does not clear them",
  async (_, body, code) => {
    project.script("install.d/10-end", `echo kept > /etc/kept\n${body}`);
    const events: BuildEvent[] = [];
    const tap: BuildOptions["tap"] = (hooks) => hooks.event.tap((event) => void events.push(event));
    const ended = await project.build({ flags: { keep: true }, tap }).then(
      () => ({ code: "none" }),
      (error: unknown) => error,
    );
    expect(ended).toMatchObject({ code });
    const kept = readdirSync(`${project.dir}/tmp`).sort();
    expect(kept).toEqual([
      expect.stringMatching(/^dib_build\.\w+$/) as string,
      expect.stringMatching(/^dib_image\.\w+$/) as string,
    ]);
    expect(readFileSync(`${project.dir}/tmp/${kept[0]}/tree/upper/etc/kept`, "utf8")).toBe("kept\n");
    expect(events).toContainEqual({ type: "note", level: "info", text: `Kept ${project.dir}/tmp/${kept[0]}.` });
    project.script("install.d/10-end", "true");
    const { report } = await project.build();
    expect(reportShape.safeParse(report).error).toBeUndefined();
    expect(readdirSync(`${project.dir}/tmp`).sort()).toEqual(kept);
    expect(readFileSync("/proc/self/mountinfo", "utf8")).not.toContain(project.dir);
  },
);

test.each([
  ["privileges", "", /Operation not permitted|password|sudo/],
  ["room for one more process", "--nproc=1", /EAGAIN/],
  ["room for one more open file", "--nofile=3", /EMFILE/],
])("without %s the worker does not start, and says why", async (_, limit, reason) => {
  const script = `
    import { execFileSync } from "node:child_process";
    const { launchWorker } = await import("${dist}/worker/launch.js");
    const listener = { onEvent() {}, onOutput() {}, async onBreak() {}, async onDone() {}, onUpToDate() {} };
    const ctx = { signal: new AbortController().signal };
    if ("${limit}") execFileSync("prlimit", ["--pid", process.pid, "${limit}"]);
    await launchWorker({}, { secrets: {}, runEnvironment: {} }, listener, ctx).catch((error) => console.log(error.code, error.message));
  `;
  const child = spawn(
    "setpriv",
    ["--reuid=65534", "--clear-groups", process.execPath, "--input-type=module", "-e", script],
    { env: { PATH: "/usr/bin:/bin" }, stdio: ["ignore", "pipe", "inherit"] },
  );
  let said = "";
  child.stdout.on("data", (chunk: Buffer) => (said += chunk.toString()));
  const [exitCode] = (await once(child, "close")) as [number | null];
  expect(exitCode).toBe(0);
  expect(said).toMatch(/^WORKER_LAUNCH_FAILED /);
  expect(said).toMatch(reason);
});

test("a signal that came before the worker was there ends the build", async () => {
  const { plan, places } = await planImage(await project.config(["toy-os"]));
  const nothing = () => undefined;
  const listener = {
    onEvent() {},
    onOutput() {},
    async onBreak() {},
    onDone: async () => undefined,
    onUpToDate: nothing,
  };
  const ctx = { ...diskContext(), signal: AbortSignal.abort("SIGINT") };
  await expect(launchWorker(plan, places, listener, ctx)).rejects.toMatchObject({
    code: "BUILD_INTERRUPTED",
    context: { signal: "SIGINT" },
  });
  expect(readdirSync(project.out)).toEqual([]);
});

test("a worker of another version of core refuses the build", async () => {
  const child = spawn(process.execPath, [`${dist}/worker/entry.js`], {
    stdio: ["pipe", "inherit", "inherit", "ignore", "pipe"],
  });
  let said = "";
  child.stdio[4]?.on("data", (chunk: Buffer) => {
    said += chunk.toString();
    if (said.includes('"failed"')) child.stdin?.end();
  });
  child.stdin?.write(`${JSON.stringify({ type: "build", version: 99, plan: {}, places: {} })}\n`);
  await once(child, "close");
  const answer = JSON.parse(said.trim().split("\n").at(-1) ?? "") as { type: string; error: { code: string } };
  expect(answer).toMatchObject({ type: "failed", error: { code: "WORKER_PROTOCOL_MISMATCH", context: { front: 99 } } });
});

test("packages asked for with -p that can't be installed are named", async () => {
  await expect(project.build({ elements: ["toy-os"], flags: { packages: ["no-such-package"] } })).rejects.toMatchObject(
    {
      code: "PACKAGES_FAILED",
      context: { packages: ["no-such-package"], exitCode: 127 },
    },
  );
});
