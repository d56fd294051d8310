// Measures the engine and prints a table; keeps the figures in bench/results/. Never a test: machines differ and drift, so
// compare figures of one run only. Whole builds are compare.mjs.
import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, openSync, rmSync, writeFileSync } from "node:fs";
import { cpus, release, tmpdir, totalmem } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { makeProject } from "./elements-project.mjs";
import { median } from "./results.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));
const cli = join(root, "packages/cli/dist/main.js");
const releasedElements = "/usr/lib/python3/dist-packages/diskimage_builder/elements";
const scratch = mkdtempSync(join(process.env.TMPDIR ?? "/var/tmp", "dibjs-bench-"));
const rows = [];
try {
  measureStart();
  measurePlan();
  await measureAdd();
  measureManyElements();
  measureReleasedElements();
} finally {
  rmSync(scratch, { recursive: true, force: true, maxRetries: 3 });
}
print();
save();

// --- what is measured ------------------------------------------------------------------------------------------------

function measureStart() {
  const bare = repeat(11, () => seconds(() => run("node", ["-e", "0"])));
  add(
    "node that does nothing, for comparison",
    median(bare) * 1000,
    "ms",
    undefined,
    bare.map((time) => time * 1000),
  );
  const times = repeat(11, () => seconds(() => dib(["--version"])));
  add(
    "dib --version, whole process",
    median(times) * 1000,
    "ms",
    120,
    times.map((time) => time * 1000),
  );
}

/** `debian vm` and enough toy elements, in a chain with branches, to make fifty. */
function measurePlan() {
  const own = JSON.parse(dib(["plan", "--json", "debian", "vm"]));
  const toys = Math.max(0, 50 - countElements(own));
  const elements = join(scratch, "elements");
  const names = Array.from({ length: toys }, (_, index) => `toy-${String(index).padStart(2, "0")}`);
  names.forEach((name, index) => writeToy(join(elements, name), names.slice(Math.max(0, index - 2), index)));
  const words = ["plan", "--json", "debian", "vm", ...names];
  const env = { ...process.env, ELEMENTS_PATH: elements };
  const count = countElements(JSON.parse(dib(words, env)));
  const times = repeat(11, () => seconds(() => dib(words, env)));
  add(
    `dib plan of ${count} elements, whole process`,
    median(times) * 1000,
    "ms",
    400,
    times.map((time) => time * 1000),
  );
}

function writeToy(folder, needs) {
  for (const phase of ["install.d", "post-install.d", "environment.d"])
    mkdirSync(join(folder, phase), { recursive: true });
  const name = folder.slice(folder.lastIndexOf("/") + 1);
  writeFileSync(join(folder, "element-deps"), needs.map((need) => `${need}\n`).join(""));
  writeFileSync(
    join(folder, "environment.d", `10-${name}.bash`),
    `export DIB_${name.toUpperCase().replace("-", "_")}=1\n`,
  );
  for (const phase of ["install.d", "post-install.d"])
    writeFileSync(join(folder, phase, `50-${name}`), "#!/bin/bash\ntrue\n", { mode: 0o755 });
}

/** What `dib add` of one package takes beyond npm's own time, from a registry on loopback; the two in turn. */
async function measureAdd() {
  const registry = await openRegistry(join(scratch, "registry"));
  try {
    const npm = [];
    const ours = [];
    for (let round = 0; round < 7; round++) {
      npm.push(
        seconds(() => registry.inProject((at) => run("npm", ["install", "--ignore-scripts", registry.name], at))),
      );
      ours.push(seconds(() => registry.inProject((at) => run("node", [cli, "add", registry.name], at))));
    }
    add("npm install of one package, for comparison", median(npm), "s", undefined, npm);
    add("dib add of that package", median(ours), "s", undefined, ours);
    add("dib add, beyond npm's own time", median(ours) - median(npm), "s", 0.5);
  } finally {
    registry.close();
  }
}

/** The tests' registry, with one element package in it. */
async function openRegistry(folder) {
  const name = "dib-element-bench";
  const home = join(folder, "home");
  mkdirSync(home, { recursive: true });
  const rights = { access: "$all", publish: "$all" };
  const config = {
    self_path: join(folder, "config.json"),
    storage: join(folder, "storage"),
    auth: { htpasswd: { file: join(folder, "htpasswd") } },
    uplinks: {},
    packages: { "**": rights },
    log: { type: "stdout", format: "json", level: "fatal" },
    web: { enable: false },
  };
  writeFileSync(config.self_path, JSON.stringify(config));
  const child = spawn("node", [join(root, "test/support/registry-server.mjs"), config.self_path], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const port = await new Promise((resolve) => child.stdout.once("data", (text) => resolve(/\d+/.exec(text)[0])));
  const host = `127.0.0.1:${port}/`;
  const settings = `registry=http://${host}\n//${host}:_authToken=none\naudit=false\nfund=false\nupdate-notifier=false\n`;
  writeFileSync(join(home, ".npmrc"), settings);
  const env = { PATH: process.env.PATH, HOME: home };
  const element = join(folder, "element");
  mkdirSync(element);
  const manifest = { name, version: "1.0.0", dib: { apiVersion: 1, elements: { bench: "." } } };
  writeFileSync(join(element, "package.json"), JSON.stringify(manifest));
  run("npm", ["publish"], { cwd: element, env });
  return {
    name,
    close: () => child.kill(),
    inProject(work) {
      const cwd = mkdtempSync(join(folder, "project-"));
      writeFileSync(join(cwd, "package.json"), "{}");
      work({ cwd, env });
    },
  };
}

/** Installed packages that need ten others each. Three sizes, to show that time and memory grow as the project does. */
function measureManyElements() {
  for (const count of [100, 300, 1000]) {
    const project = join(scratch, `project-${count}`);
    const names = makeProject(project, count);
    const isGoal = count === 1000;
    const found = [];
    const times = repeat(7, () =>
      seconds(() => found.push(JSON.parse(run("node", [join(root, "bench/resolve.mjs"), project])))),
    );
    const { edges } = found[0];
    const inMs = (all) => all.map((time) => time * 1000);
    const what = `${count} installed elements, ${edges} edges`;
    add(
      `discover and resolve ${what}, whole process`,
      median(times) * 1000,
      "ms",
      isGoal ? 1000 : undefined,
      inMs(times),
    );
    const spent = found.map(({ cpuMs }) => cpuMs);
    add("  its processor time, which a busy machine does not change", median(spent), "ms", undefined, spent);
    const peaks = found.map(({ peakMiB }) => peakMiB);
    add("  its peak memory", median(peaks), "MiB", isGoal ? 200 : undefined, peaks);
    const words = [cli, "plan", "-n", "-t", "tar", "--json", ...names];
    const plans = repeat(7, () => seconds(() => run("node", words, { cwd: project })));
    add("  dib plan of them, whole process", median(plans) * 1000, "ms", undefined, inMs(plans));
    rmSync(project, { recursive: true, force: true });
  }
}

/** All elements of the released diskimage-builder, and as many of them in one set as go together. */
function measureReleasedElements() {
  if (!existsSync(releasedElements)) return note("released elements: left out, install python3-diskimage-builder");
  const expand = (...names) => JSON.parse(run("node", [join(root, "bench/expand.mjs"), releasedElements, ...names]));
  const together = expand();
  const found = repeat(11, () => expand(...together));
  const times = found.map(({ ms }) => ms);
  const { known, expanded } = found[0];
  add(`discover ${known} released elements and expand to ${expanded}`, median(times), "ms", 100, times);
}

// --- small things ----------------------------------------------------------------------------------------------------

function dib(words, env = process.env) {
  return run("node", [cli, ...words], { env });
}

/** Runs to the end; a failure ends the benchmark and shows the last lines. */
function run(file, words, { env = process.env, cwd = scratch, log } = {}) {
  const logFile = log && join(tmpdir(), `dibjs-bench ${log}.log`);
  const output = logFile ? openSync(logFile, "w") : "pipe";
  const { status, error, stdout, stderr } = spawnSync(file, words, {
    env,
    cwd,
    stdio: ["ignore", output, output],
    maxBuffer: 2 ** 26,
  });
  if (error) throw error;
  if (status !== 0)
    throw new Error(
      `${file} ${words.join(" ")} exited with ${status}\n${logFile ? `see ${logFile}` : stderr.toString()}`,
    );
  if (logFile) rmSync(logFile);
  return stdout?.toString() ?? "";
}

function seconds(work) {
  const started = performance.now();
  work();
  return (performance.now() - started) / 1000;
}

function repeat(times, work) {
  return Array.from({ length: times }, work);
}
function countElements(plan) {
  return plan.data.images[0].plan.elements.length;
}

function add(what, value, unit, goal, all) {
  rows.push({
    what,
    value: round(value),
    unit,
    goal: goal === undefined ? undefined : round(goal),
    all: all?.map(round),
  });
}

function note(text) {
  rows.push({ what: text });
}

function round(value) {
  return Math.round(value * 100) / 100;
}

function print() {
  const width = Math.max(...rows.map(({ what }) => what.length));
  console.log(`${"figure".padEnd(width)}  median        best          goal`);
  for (const { what, value, unit, goal, all } of rows) {
    if (value === undefined) console.log(what);
    else {
      const verdict = goal === undefined ? "" : `≤ ${goal} ${unit}`.padEnd(12) + (value <= goal ? "met" : "MISSED");
      const best = all === undefined ? "" : `${Math.min(...all)} ${unit}`;
      console.log(`${what.padEnd(width)}  ${`${value} ${unit}`.padEnd(12)}  ${best.padEnd(12)}  ${verdict}`.trimEnd());
    }
  }
}

function save() {
  const at = new Date().toISOString();
  const commit = spawnSync("git", ["rev-parse", "--short", "HEAD"], { cwd: root }).stdout?.toString().trim();
  const machine = {
    cores: cpus().length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    kernel: release(),
    node: process.version,
  };
  const file = join(root, "bench/results", `${at.slice(0, 19).replaceAll(":", "")}.json`);
  mkdirSync(join(root, "bench/results"), { recursive: true });
  writeFileSync(file, `${JSON.stringify({ at, commit, machine, figures: rows }, undefined, 2)}\n`);
  console.log(`\nkept in ${file.slice(root.length)}`);
}
