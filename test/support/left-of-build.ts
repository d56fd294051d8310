/** What is left of a build that was killed. */
import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";

/** Processes, mounts, loop devices and locks that bear the build's id, and nodes of partitions whose loop device is free. */
export function leftOf(id: string): string[] {
  const loops = execFileSync("losetup", ["-l", "-n", "--raw", "-O", "NAME,BACK-FILE"])
    .toString()
    .split("\n")
    .filter((line) => line.includes(id));
  const attached = new Set(
    readdirSync("/sys/block").filter(
      (name) => name.startsWith("loop") && readFileSync(`/sys/block/${name}/size`, "utf8").trim() !== "0",
    ),
  );
  const partitions = readdirSync("/dev").filter(
    (name) => /^loop\d+p\d+$/.test(name) && !attached.has(name.replace(/p\d+$/, "")),
  );
  const mounts = readFileSync("/proc/self/mountinfo", "utf8")
    .split("\n")
    .filter((line) => line.includes(id));
  const locks = execFileSync("lslocks", ["-n", "--raw", "-o", "PATH"])
    .toString()
    .split("\n")
    .filter((line) => line.includes(id));
  return [...processesOf(id), ...mounts, ...loops, ...partitions.map((name) => `/dev/${name}`), ...locks];
}

/** Those that name the build in their command line, environment, root or working folder. */
function processesOf(id: string): string[] {
  const pids = readdirSync("/proc").filter((name) => /^\d+$/.test(name));
  return pids.filter((pid) => {
    try {
      return ["cmdline", "environ", "mountinfo"].some((file) =>
        readFileSync(`/proc/${pid}/${file}`, "latin1").includes(`dib_build.${id}`),
      );
    } catch {
      return false; // it ended meanwhile
    }
  });
}

export async function until(isTrue: () => boolean, withinMs: number): Promise<void> {
  for (const end = Date.now() + withinMs; Date.now() < end && !isTrue();)
    await new Promise((resolve) => setTimeout(resolve, 50));
}
