// Compares builds of one image by dibjs and by other builders, from Debian's packages through one warmed cache, in turn.
//   node bench/compare.mjs [--rounds N] [--only CASE,…] [--builders NAME,…]
// Writes bench/RESULTS.md and bench/results.json. Needs root and Debian; installs the other builders. MIRROR=URL takes that
// mirror, which is taken to be warm, instead of a caching proxy of its own.
import { spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { cpus, release, tmpdir, totalmem } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { measure } from "./measured.mjs";
import { openMirror } from "./mirror.mjs";
import { readImagePackages } from "./packages.mjs";
import { formatResults } from "./results.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));
const releasedElements = "/usr/lib/python3/dist-packages/diskimage_builder/elements";
const cli = join(root, "packages/cli/dist/main.js");
const { values: flags } = parseArgs({
  options: {
    rounds: { type: "string", default: "5" },
    only: { type: "string" },
    builders: { type: "string" },
  },
});

if (process.getuid() !== 0) throw new Error("builds need root");
installPeers();
const scratch = mkdtempSync(join(process.env.TMPDIR ?? "/var/tmp", "dibjs-compare-"));
/** They stay, for the sake of those that fail. */
const logs = mkdtempSync(join(tmpdir(), "dibjs-compare-logs-"));
const mirror = await openMirror(scratch);
const chosen = (list, name) => list === undefined || list.split(",").includes(name);
/** Case → builder → runs. */
const runs = {};
/** Builder → names of packages, of its first cold image. */
const packages = {};
const failures = [];
try {
  packages.dib = await warm();
  for (let round = 1; round <= Number(flags.rounds); round++)
    for (const [name, builder] of Object.entries(builders()))
      if (chosen(flags.builders, name)) await runRound(round, name, builder);
} finally {
  mirror.close();
  rmSync(scratch, { recursive: true, force: true, maxRetries: 3 });
}
save();

/** Fills the cache with what the builders fetch, and says which packages the image of diskimage-builder has. */
async function warm() {
  console.error("compare: warming the cache");
  const folder = join(scratch, "warm");
  await dib(folder, {});
  const found = readImagePackages(join(folder, "image.qcow2"));
  rmSync(folder, { recursive: true });
  return found;
}

async function runRound(round, name, { cases }) {
  const state = { folder: mkdtempSync(join(scratch, `${name}-`)) };
  for (const [what, run] of Object.entries(cases)) {
    if (!chosen(flags.only, what) && !(what === "cold" && needsCold(cases))) continue;
    console.error(`compare: round ${round} of ${flags.rounds}, ${name}, ${what}`);
    try {
      const measured = await run(state);
      (runs[what] ??= {})[name] = [...(runs[what][name] ?? []), measured];
      console.error(`  ${measured.seconds.toFixed(1)} s`);
      if (what === "cold") packages[name] ??= readImagePackages(join(state.folder, "image.qcow2"));
    } catch (error) {
      failures.push({ case: what, builder: name, round, reason: error.message });
      console.error(`  failed: ${error.message}`);
      if (what === "cold") break;
    }
  }
  rmSync(state.folder, { recursive: true, force: true });
}

/** Later cases start from what the cold build left. */
function needsCold(cases) {
  const fromNothing = ["cold", "cold-tar", "cold-tgz", "variants"];
  return Object.keys(cases).some((what) => chosen(flags.only, what) && !fromNothing.includes(what));
}

// --- builders --------------------------------------------------------------------------------------------------------

function builders() {
  return {
    dibjs: {
      cases: {
        cold: ({ folder }) => dibjs(folder, {}),
        "late-change": ({ folder }) => {
          writeLast(folder, "echo changed > /etc/late");
          return dibjs(folder, {});
        },
        "middle-change": ({ folder }) => dibjs(folder, { words: ["-p", "less"] }),
        "no-change": async ({ folder }) => {
          await dibjs(folder, {});
          return dibjs(folder, {});
        },
        resume: async ({ folder }) => {
          writeLast(folder, "exit 1");
          await dibjs(folder, {}).catch(() => undefined);
          writeLast(folder, "echo resumed > /etc/late");
          return dibjs(folder, {});
        },
        "cold-tar": () => inNew("dibjs", (folder) => dibjs(folder, { format: "tar" })),
        "cold-tgz": () => inNew("dibjs", (folder) => dibjs(folder, { format: "tgz" })),
        variants: () => inNew("dibjs", dibjsVariants),
      },
    },
    dib: {
      cases: {
        cold: ({ folder }) => dib(folder, {}),
        "cold-tar": () => inNew("dib", (folder) => dib(folder, { format: "tar" })),
        "cold-tgz": () => inNew("dib", (folder) => dib(folder, { format: "tgz" })),
      },
    },
    byHand: {
      cases: {
        cold: ({ folder }) => peer("by-hand", folder),
        "cold-tar": () => inNew("by-hand", (folder) => peer("by-hand", folder, { FORMAT: "tar" })),
      },
    },
    mkosi: {
      cases: {
        cold: ({ folder }) => peer("mkosi", folder),
        "late-change": async ({ folder }) => {
          const own = join(folder, "incremental");
          await peer("mkosi", own, { INCREMENTAL: "yes" });
          return peer("mkosi", own, { INCREMENTAL: "yes", LATE: "echo changed > /etc/late" });
        },
      },
    },
    dropIn: { cases: { cold: ({ folder }) => dropIn(folder, []) } },
    dropInWithDibElements: {
      cases: { cold: ({ folder }) => dropIn(folder, ["env", `ELEMENTS_PATH=${releasedElements}`]) },
    },
    vmdb2: { cases: { cold: ({ folder }) => peer("vmdb2", folder) } },
    debos: { cases: { cold: ({ folder }) => peer("debos", folder) } },
  };
}

async function inNew(name, run) {
  const folder = mkdtempSync(join(scratch, `${name}-`));
  try {
    return await run(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function logOf(name) {
  return join(logs, `${name}-${Math.round(performance.now())}.log`);
}

async function withSize(file, measured) {
  return { ...measured, outputMB: statSync(file).size / 1e6 };
}

/** The last element of the image, with one script, and what makes the packages those of diskimage-builder's image. */
function writeLast(folder, command) {
  const last = join(folder, "elements/last");
  mkdirSync(join(last, "finalise.d"), { recursive: true });
  writeFileSync(join(last, "finalise.d/99-last"), `#!/bin/bash\nset -eu\n${command}\n`, { mode: 0o755 });
}

function writeElements(folder) {
  if (!existsSync(join(folder, "elements/last"))) writeLast(folder, "true");
  const same = join(folder, "elements/same-packages/install.d");
  mkdirSync(same, { recursive: true });
  writeFileSync(join(same, "../package-list"), `${packages.dib.join("\n")}\n`);
  cpSync(join(root, "bench/builders/same-packages"), join(same, "95-same-packages"));
}

function dibjsEnv() {
  const mirrors = { DIB_DISTRIBUTION_MIRROR: mirror.url, DIB_DEBIAN_SECURITY_MIRROR: `${mirror.url}-security` };
  return { ...process.env, ...mirrors, DIB_RELEASE: "bookworm" };
}

async function dibjs(folder, { format = "qcow2", words = [] }) {
  writeElements(folder);
  const elements = ["debian-minimal", "vm", "same-packages", "last"];
  const places = [
    "-o",
    join(folder, "image"),
    "--image-cache",
    join(folder, "cache"),
    "--elements-path",
    join(folder, "elements"),
  ];
  const args = [cli, "build", ...elements, "-t", format, ...places, "--overwrite-old-image", ...words];
  const measured = await measure("node", args, { env: dibjsEnv(), cwd: folder, log: logOf("dibjs") });
  const { peakBytes } = JSON.parse(readFileSync(join(folder, "image.report.json"), "utf8"));
  const ownMemoryMB = (peakBytes.front + peakBytes.worker) / 1e6;
  return withSize(join(folder, `image.${format}`), { ...measured, ownMemoryMB });
}

/** Four images that differ in their last element, by one command. */
async function dibjsVariants(folder) {
  writeElements(folder);
  const images = [1, 2, 3, 4].map((number) => {
    cpSync(join(folder, "elements/last"), join(folder, `elements/last-${number}`), { recursive: true });
    const script = join(folder, `elements/last-${number}/finalise.d/99-last`);
    writeFileSync(script, `#!/bin/bash\nset -eu\necho ${number} > /etc/variant\n`);
    return `  v${number}: { elements: [debian-minimal, vm, same-packages, last-${number}] }`;
  });
  writeFileSync(join(folder, "dib.config.yaml"), `elementPaths: [elements]\nimages:\n${images.join("\n")}\n`);
  const args = [cli, "build", "--image-cache", join(folder, "cache")];
  return measure("node", args, { env: dibjsEnv(), cwd: folder, log: logOf("dibjs") });
}

async function dib(folder, { format = "qcow2" }) {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const options = { env: { ...process.env, FORMAT: format }, cwd: folder, log: logOf("dib") };
  const measured = await measure(join(root, "bench/builders/dib.sh"), [folder, mirror.url], options);
  return withSize(join(folder, `image.${format}`), measured);
}

/** Our disk-image-create as its callers know it: the same variables, zlib. */
async function dropIn(folder, before) {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const program = join(root, "packages/cli/bin/disk-image-create.js");
  const options = { env: process.env, cwd: folder, log: logOf("drop-in") };
  const args = [folder, mirror.url, ...before, program];
  return withSize(join(folder, "image.qcow2"), await measure(join(root, "bench/builders/dib.sh"), args, options));
}

async function peer(name, folder, env = {}) {
  mkdirSync(folder, { recursive: true });
  const all = { ...process.env, PACKAGES: packages.dib.join(" "), ...env };
  const options = { env: all, cwd: folder, log: logOf(name) };
  const measured = await measure(join(root, `bench/builders/${name}.sh`), [folder, mirror.url], options);
  return withSize(join(folder, `image.${env.FORMAT ?? "qcow2"}`), measured);
}

// --- around it -------------------------------------------------------------------------------------------------------

function installPeers() {
  const wanted = [
    "python3-diskimage-builder",
    "kpartx",
    "mmdebstrap",
    "mkosi",
    "vmdb2",
    "zerofree",
    "debos",
    "systemd-container",
  ];
  wanted.push(
    "parted",
    "dosfstools",
    "qemu-utils",
    "grub-pc-bin",
    "grub2-common",
    "apt-cacher-ng",
    "debootstrap",
    "sudo",
  );
  const missing = wanted.filter((name) => versionOf(name) === undefined);
  if (missing.length === 0) return;
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  const install = ["install", "-q", "-y", "--no-install-recommends", ...missing];
  for (const words of [["update", "-q"], install])
    if (spawnSync("apt-get", words, { env, stdio: "inherit" }).status !== 0)
      throw new Error("the other builders can't be installed");
}

function versionOf(name) {
  const { status, stdout } = spawnSync("dpkg-query", ["-W", "-f", "${db:Status-Status} ${Version}", name], {
    encoding: "utf8",
  });
  return status === 0 && stdout.startsWith("installed ") ? stdout.slice("installed ".length) : undefined;
}

function save() {
  const git = spawnSync("git", ["rev-parse", "--short", "HEAD"], { cwd: root, encoding: "utf8" });
  const versions = {
    dibjs: git.stdout.trim(),
    dib: versionOf("python3-diskimage-builder"),
    byHand: `mmdebstrap ${versionOf("mmdebstrap")}`,
    ...Object.fromEntries(["mkosi", "vmdb2", "debos"].map((name) => [name, versionOf(name)])),
    node: process.version,
  };
  const machine = {
    cores: cpus().length,
    cpu: cpus()[0]?.model,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    kernel: release(),
  };
  const { json, text } = formatResults({ machine, versions, runs, packages, failures, rounds: Number(flags.rounds) });
  writeFileSync(join(root, "bench/results.json"), json);
  writeFileSync(join(root, "bench/RESULTS.md"), text);
  console.log(text);
}
