// One run of a builder: wall clock, processor time, peak memory and what went to the disk, of all its processes together.
import { spawn } from "node:child_process";
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, rmdirSync, statSync } from "node:fs";

const sampleMs = 100;

/**
 * Runs it in a control group of its own, which says what its processes used; where there is none (no root, another layout)
 * those figures are absent. Throws with the log's place when it fails.
 */
export async function measure(file, args, { env, cwd, log }) {
  const group = openGroup();
  const written = sectorsWritten(cwd);
  const output = openSync(log, "w");
  const started = performance.now();
  const child = group
    ? spawn("sh", ["-c", `${group.enter}; exec "$@"`, "enter", file, ...args], {
        env,
        cwd,
        stdio: ["ignore", output, output],
      })
    : spawn(file, args, { env, cwd, stdio: ["ignore", output, output] });
  let peakBytes = 0;
  const timer = setInterval(() => (peakBytes = Math.max(peakBytes, group?.memory() ?? 0)), sampleMs);
  const [status] = await new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (...how) => resolve(how));
  });
  clearInterval(timer);
  closeSync(output);
  const seconds = (performance.now() - started) / 1000;
  const cpuSeconds = group?.cpu();
  group?.remove();
  if (status !== 0) throw new Error(`${file} ${args.join(" ")} exited with ${status}: see ${log}`);
  const writtenMB = written === undefined ? undefined : ((sectorsWritten(cwd) - written) * 512) / 1e6;
  return { seconds, cpuSeconds, peakMemoryMB: group && peakBytes / 1e6, writtenMB };
}

/** Version 1 of control groups has a folder for each resource, version 2 one for all. */
function openGroup() {
  const name = `dibjs-bench-${process.pid}-${Math.round(performance.now())}`;
  try {
    if (existsSync("/sys/fs/cgroup/cgroup.controllers")) {
      const folder = `/sys/fs/cgroup/${name}`;
      mkdirSync(folder);
      const stat = (file, key) =>
        Number(new RegExp(`^${key} (\\d+)`, "m").exec(readFileSync(`${folder}/${file}`, "utf8"))?.[1] ?? 0);
      return {
        enter: `echo $$ > ${folder}/cgroup.procs`,
        memory: () => stat("memory.stat", "anon"),
        cpu: () => stat("cpu.stat", "usage_usec") / 1e6,
        remove: () => tryToRemove(folder),
      };
    }
    const [memory, cpu] = ["memory", "cpuacct"].map((resource) => `/sys/fs/cgroup/${resource}/${name}`);
    for (const folder of [memory, cpu]) mkdirSync(folder);
    const total = () => /^total_rss (\d+)/m.exec(readFileSync(`${memory}/memory.stat`, "utf8"))?.[1] ?? 0;
    return {
      enter: `echo $$ > ${memory}/cgroup.procs && echo $$ > ${cpu}/cgroup.procs`,
      memory: () => Number(total()),
      cpu: () => Number(readFileSync(`${cpu}/cpuacct.usage`, "utf8")) / 1e9,
      remove: () => [memory, cpu].forEach(tryToRemove),
    };
  } catch {
    return undefined;
  }
}

function tryToRemove(folder) {
  try {
    rmdirSync(folder);
  } catch {
    // something that it started lives on
  }
}

/** Of the device that a folder lies on, since the machine was started. */
function sectorsWritten(folder) {
  const { dev } = statSync(folder);
  const numbers = `${Math.floor(dev / 256)}:${dev % 256}`;
  try {
    return Number(readFileSync(`/sys/dev/block/${numbers}/stat`, "utf8").trim().split(/\s+/)[6]);
  } catch {
    return undefined; // no device of its own
  }
}
