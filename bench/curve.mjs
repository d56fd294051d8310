// node bench/curve.mjs [MOST-FILES]   how the engine's own time grows: with elements and their scripts (plan), and with the files of a tree (layers). Prints two tables,
// and keeps the figures in bench/results/curve.json. Needs root.
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const cli = join(root, "packages/cli/dist/main.js");
const scratch = mkdtempSync(join(process.env.TMPDIR ?? "/var/tmp", "dibjs-curve-"));
/** Of the tree: with a million files it takes a quarter of an hour. */
const most = Number(process.argv[2] ?? 1_000_000);
const figures = { plan: [], layers: [] };
try {
  for (const elements of [100, 300, 1000]) figures.plan.push(measurePlan(elements));
  for (const files of [10_000, 100_000, 300_000, 1_000_000].filter((count) => count <= most))
    figures.layers.push(measureLayers(files));
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
print("plan of elements with ten scripts each", figures.plan);
print("a tree of small files, to tar; seconds beyond those of its scripts and of tar", figures.layers);
writeFileSync(join(root, "bench/results/curve.json"), `${JSON.stringify(figures, undefined, 2)}\n`);

function measurePlan(count) {
  const folder = join(scratch, "elements");
  rmSync(folder, { recursive: true, force: true });
  const names = Array.from({ length: count }, (_, index) => `curve-${index}`);
  for (const [index, name] of names.entries()) {
    for (const phase of ["install.d", "post-install.d", "finalise.d"])
      mkdirSync(join(folder, name, phase), { recursive: true });
    const phases = ["install.d", "post-install.d", "finalise.d"];
    for (let script = 0; script < 10; script++)
      writeFileSync(join(folder, name, phases[script % 3], `${10 + script}-${name}`), "#!/bin/bash\ntrue\n", {
        mode: 0o755,
      });
    if (index > 0) writeFileSync(join(folder, name, "element-deps"), `${names[index - 1]}\n`);
  }
  writeFileSync(join(folder, names[0], "element-provides"), "operating-system\n");
  const env = { ...process.env, ELEMENTS_PATH: folder };
  const { seconds, stdout } = run(["plan", "--json", "-n", "-t", "tar", names.at(-1)], { env });
  const { phases } = JSON.parse(stdout).data.images[0].plan;
  const scripts = phases.reduce((sum, phase) => sum + phase.scripts.length, 0);
  return { elements: count, scripts, seconds, msPerScript: (seconds * 1000) / scripts };
}

function measureLayers(files) {
  const folder = join(scratch, `files-${files}`);
  const script = (path, body) => {
    const file = join(folder, "elements/files", path);
    mkdirSync(join(file, ".."), { recursive: true });
    writeFileSync(file, `#!/bin/bash\nset -eu\n${body}\n`, { mode: 0o755 });
  };
  script(
    "root.d/10-files",
    `cd "$TARGET_ROOT"\nmkdir etc usr\nfor ((at = 0; at < ${files / 1000}; at++)); do mkdir "usr/$at"; seq 1000 | split -l 1 -a 3 - "usr/$at/file-"; done`,
  );
  script("pre-finalise.d/10-late", "echo one > /dev/null");
  writeFileSync(join(folder, "elements/files/element-provides"), "operating-system\n");
  const build = (...more) => {
    const args = [
      "build",
      "-n",
      "-t",
      "tar",
      "files",
      "-o",
      join(folder, "image"),
      "--image-cache",
      join(folder, "cache"),
    ];
    run([...args, "--elements-path", join(folder, "elements"), "--overwrite-old-image", ...more], {});
    return readReport(join(folder, "image.report.json"));
  };
  const plain = build("--no-cache");
  const kept = build();
  script("pre-finalise.d/10-late", "echo two > /dev/null");
  const restored = build();
  rmSync(folder, { recursive: true, force: true });
  return { files, "not kept": plain.engine, kept: kept.engine, restored: restored.engine, "own MB": kept.ownMB };
}

/** Seconds of the engine alone, and its memory. */
function readReport(file) {
  const { seconds, phases, stages, peakBytes } = JSON.parse(readFileSync(file, "utf8"));
  const inScripts = phases.flatMap(({ scripts }) => scripts).reduce((sum, script) => sum + script.seconds, 0);
  return { engine: seconds - inScripts - stages["format:tar"], ownMB: (peakBytes.front + peakBytes.worker) / 1e6 };
}

function run(args, { env = process.env }) {
  const started = performance.now();
  const { status, stdout, stderr } = spawnSync("node", [cli, ...args], {
    env,
    encoding: "utf8",
    maxBuffer: 2 ** 30,
    cwd: scratch,
  });
  if (status !== 0) throw new Error(`dib ${args.join(" ")} exited with ${status}: ${stderr.slice(-2000)}`);
  return { stdout, seconds: (performance.now() - started) / 1000 };
}

function print(title, rows) {
  const names = Object.keys(rows[0]);
  const shown = (value) => (Number.isInteger(value) ? String(value) : value.toFixed(2));
  const lines = [names, names.map(() => "---:"), ...rows.map((row) => names.map((name) => shown(row[name])))];
  console.log(`\n${title}\n\n${lines.map((cells) => `| ${cells.join(" | ")} |`).join("\n")}`);
}
