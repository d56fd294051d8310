// Measures dibjs and prints a table; keeps the figures in bench/results/. Never a test: machines differ and drift, so
// compare figures of one run only.
//   node bench/run.mjs [--quick] [--rounds N]
// --quick leaves the builds out. Builds need root; the comparison needs Debian's python3-diskimage-builder, kpartx and
// apt-cacher-ng. MIRROR=URL uses that Debian mirror instead of a caching proxy of our own.
import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { cpus, release, tmpdir, totalmem } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { makeProject } from "./elements-project.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));
const cli = join(root, "packages/cli/dist/main.js");
const { values: flags } = parseArgs({
  options: { quick: { type: "boolean" }, rounds: { type: "string", default: "1" } },
});

const releasedElements = "/usr/lib/python3/dist-packages/diskimage_builder/elements";
const scratch = mkdtempSync(join(process.env.TMPDIR ?? "/var/tmp", "dibjs-bench-"));
const rows = [];
try {
  measureStart();
  measurePlan();
  await measureAdd();
  measureManyElements();
  measureReleasedElements();
  if (!flags.quick) await measureBuilds(Number(flags.rounds));
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

/** Cold builds in turn, ours and the released diskimage-builder's, through one warmed apt cache. */
async function measureBuilds(rounds) {
  if (process.getuid() !== 0) return note("builds: left out, this is not root");
  const proxy = await openMirror();
  try {
    const hasDib = spawnSync("disk-image-create", ["--help"]).status === 0;
    if (!hasDib) note("diskimage-builder: left out, install python3-diskimage-builder and kpartx");
    if (proxy.isCold) {
      console.error("bench: warming the apt cache");
      if (hasDib) buildWithDib(proxy.mirror, "warm");
      buildWithUs(proxy.mirror, "warm");
    }
    const ours = [];
    const theirs = [];
    const dropIns = { "our elements": [], "its elements": [] };
    const reports = [];
    for (let round = 1; round <= rounds; round++) {
      console.error(`bench: round ${round} of ${rounds}`);
      if (hasDib) theirs.push(buildWithDib(proxy.mirror, `round ${round}`));
      if (hasDib)
        for (const [whose, times] of Object.entries(dropIns))
          times.push(buildWithDib(proxy.mirror, `drop-in ${whose}, round ${round}`, dropIn(whose)));
      const built = buildWithUs(proxy.mirror, `round ${round}`);
      ours.push(built.seconds);
      reports.push(built.report);
    }
    add("debian-minimal vm, cold, dibjs", median(ours), "s", hasDib ? median(theirs) : undefined, ours);
    if (hasDib) add("debian-minimal vm, cold, diskimage-builder", median(theirs), "s", undefined, theirs);
    if (hasDib) add("dibjs / diskimage-builder", median(ours) / median(theirs), "", 1);
    if (hasDib) addDropIns(dropIns, median(theirs));
    addFromReports(reports);
  } finally {
    proxy.close();
  }
}

/** The same command with the same variables and the same compression of qcow2. */
function addDropIns(dropIns, theirs) {
  const goals = { "our elements": 0.6, "its elements": 0.8 };
  for (const [whose, times] of Object.entries(dropIns)) {
    add(`our disk-image-create with ${whose}`, median(times), "s", undefined, times);
    add("  / diskimage-builder", median(times) / theirs, "", goals[whose]);
  }
}

function addFromReports(reports) {
  const overheads = reports.map(overheadOf);
  add("engine's own time in that build", median(overheads), "s", 2, overheads);
  const peaks = reports.map(({ peakBytes }) => (peakBytes.front + peakBytes.worker) / 2 ** 20);
  add("peak memory of our two processes", median(peaks), "MiB", 200, peaks);
  for (const [stage, time] of Object.entries(reports.at(-1).stages)) add(`  stage ${stage}`, time, "s");
  for (const { phase, seconds: time } of reports.at(-1).phases) add(`  phase ${phase}`, time, "s");
}

/** Everything but scripts, mkfs, copy and convert. */
function overheadOf({ seconds: whole, phases, stages }) {
  const scripts = phases.flatMap((phase) => phase.scripts).reduce((sum, script) => sum + script.seconds, 0);
  const isWork = (stage) => ["mkfs", "copy"].includes(stage) || /^(format|convert):/.test(stage);
  const work = Object.entries(stages).reduce((sum, [stage, time]) => sum + (isWork(stage) ? time : 0), 0);
  return whole - scripts - work;
}

// --- builders --------------------------------------------------------------------------------------------------------

function buildWithUs(mirror, round) {
  const folder = mkdtempSync(join(scratch, "dibjs-"));
  const env = {
    ...process.env,
    DIB_DISTRIBUTION_MIRROR: mirror,
    DIB_DEBIAN_SECURITY_MIRROR: `${mirror}-security`,
    DIB_RELEASE: "bookworm",
  };
  const words = [
    cli,
    "build",
    "debian-minimal",
    "vm",
    "-t",
    "qcow2",
    "-o",
    join(folder, "image.qcow2"),
    "--image-cache",
    join(folder, "cache"),
  ];
  const time = seconds(() => run("node", words, { env, log: `dibjs ${round}` }));
  const report = JSON.parse(readFileSync(join(folder, "image.report.json"), "utf8"));
  rmSync(folder, { recursive: true, force: true });
  return { seconds: time, report };
}

/** Our disk-image-create, with the elements of the released diskimage-builder before our own or without. */
function dropIn(whose) {
  const program = join(root, "packages/cli/bin/disk-image-create.js");
  return whose === "our elements" ? [program] : ["env", `ELEMENTS_PATH=${releasedElements}`, program];
}

function buildWithDib(mirror, round, create = []) {
  const folder = mkdtempSync(join(scratch, "dib-"));
  const time = seconds(() =>
    run(join(root, "bench/dib.sh"), [folder, mirror, ...create], { log: `diskimage-builder ${round}` }),
  );
  if (!existsSync(join(folder, "image.qcow2"))) throw new Error("diskimage-builder made no image");
  rmSync(folder, { recursive: true, force: true });
  return time;
}

/** MIRROR, which is taken to be warm, or a caching proxy of our own. */
async function openMirror() {
  if (process.env.MIRROR) return { mirror: process.env.MIRROR.replace(/\/$/, ""), isCold: false, close: () => {} };
  const port = await freePort();
  const proxy = spawn(join(root, "bench/apt-cache.sh"), [join("/var/tmp", "dibjs-bench-apt"), String(port)], {
    stdio: "ignore",
  });
  const mirror = `http://127.0.0.1:${port}/debian`;
  for (let tries = 0; tries < 50; tries++) {
    const answer = await fetch(`${mirror}/dists/bookworm/InRelease`).catch(() => undefined);
    if (answer?.ok) return { mirror, isCold: true, close: () => proxy.kill() };
    await sleep(200);
  }
  proxy.kill();
  throw new Error("the apt cache did not start; is apt-cacher-ng installed?");
}

/** apt-cacher-ng keeps the port in a signed 16-bit number: above 32767, where the kernel's own choice lies, it does not bind. */
async function freePort() {
  for (let port = 13242; port < 13342; port++) if (await isFree(port)) return port;
  throw new Error("no free port for apt-cacher-ng between 13242 and 13341");
}

function isFree(port) {
  return new Promise((resolve) => {
    const server = createServer().on("error", () => resolve(false));
    server.listen(port, "127.0.0.1", () => server.close(() => resolve(true)));
  });
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
function median(numbers) {
  return [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)];
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
