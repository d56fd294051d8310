/** kill -9 of the CLI at its most awkward moments: the kernel cleans up, without any code of ours running. */
import { execFileSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { BuildEvent } from "@dibjs/core";
import { afterEach, beforeEach, expect, test } from "vitest";
import { dib } from "../support/dib.js";
import { Project } from "../support/toy-os.js";

let project: Project;
let args: string[];

beforeEach(() => {
  project = new Project();
  mkdirSync(join(project.dir, "tmp"));
  // Enough that cannot be compressed for the copy and the conversion to take their time.
  project.script("root.d/20-ballast", 'head -c 60000000 /dev/urandom > "$TARGET_ROOT/ballast"');
  project.script("install.d/10-wait", "echo installing; sleep 0.3");
  args = [
    "build",
    "toy-os",
    "subject",
    "block-device-mbr",
    "-n",
    "--json",
    "-o",
    "out/image",
    "-t",
    "tar,qcow2",
    "--tmp-dir",
    "tmp",
    "--image-cache",
    "cache",
    "--elements-path",
    "elements",
  ];
});

afterEach(() => project[Symbol.dispose]());

const moments: [string, (event: BuildEvent) => boolean][] = [
  ["root", (event) => event.type === "script-start" && event.script === "20-ballast"],
  ["install", (event) => event.type === "output" && event.text === "installing"],
  ["mkfs", (event) => event.type === "disk" && event.doing === "partitioning"],
  ["copy", (event) => event.type === "disk" && event.doing === "fstab"],
  ["convert", (event) => event.type === "format" && event.format === "tar"],
];

test.each(moments)(
  "killed during %s, within 2 s nothing of the build is left but scratch files, which the next start clears",
  async (_, isMoment) => {
    let id: string | undefined;
    let isKilled = false;
    const killed = await dib(args, {
      cwd: project.dir,
      onEvent: (event, pid) => {
        if (event.type === "workspace") id = event.buildDir.split(".").at(-1);
        if (!isMoment(event) || isKilled) return;
        isKilled = true;
        process.kill(pid, "SIGKILL");
      },
    });
    expect(killed.exitCode).toBeNull();
    expect(id).toMatch(/^\w{8}$/);
    await until(() => leftOf(id ?? "").length === 0, 2000);
    expect(leftOf(id ?? "")).toEqual([]);
    expect(readdirSync(project.out).filter((name) => !name.startsWith("."))).toEqual([]);

    const next = await dib(args, { cwd: project.dir });
    expect(next, next.stderr).toMatchObject({ exitCode: 0 });
    expect(readdirSync(join(project.dir, "tmp"))).toEqual([]);
    expect(readdirSync(project.out).sort()).toEqual(["image.qcow2", "image.report.json", "image.tar"]);
    expect(readdirSync("/run/dib")).not.toContain(id);
  },
);

/** Processes, mounts, loop devices, their partition nodes and locks that bear the build's id. */
function leftOf(id: string): string[] {
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

async function until(isTrue: () => boolean, withinMs: number): Promise<void> {
  for (const end = Date.now() + withinMs; Date.now() < end && !isTrue();)
    await new Promise((resolve) => setTimeout(resolve, 50));
}
