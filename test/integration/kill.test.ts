/** kill -9 of the CLI at its most awkward moments: the kernel cleans up, without any code of ours running. */
import { mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { resultOf, runDib, startDib } from "../support/dib.js";
import { leftOf, until } from "../support/left-of-build.js";
import { freeze, isRunning } from "../support/process-tree.js";
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

/** The process that is at work at each moment. */
const moments: [moment: string, command: RegExp][] = [
  ["root", /^head -c 60000000/],
  ["install", /^sleep 0\.3/],
  ["mkfs", /^mkfs\.ext4 /],
  ["copy", /^cp -a /],
  ["convert", /^qemu-img convert /],
];

test.each(moments)(
  "killed during %s, within 2 s nothing of the build is left but scratch files, which the next start clears",
  async (_, command) => {
    let id: string | undefined;
    const child = startDib(args, { cwd: project.dir });
    const result = resultOf(child, (event) => {
      if (event.type === "workspace") id = event.buildDir.split(".").at(-1);
    });
    const atWork = await freeze(child.pid ?? 0, command);
    expect(atWork?.command, "the process is at work").toMatch(command);
    const killedAt = performance.now();
    child.kill("SIGKILL");
    const killed = await result;
    expect(killed.exitCode).toBeNull();
    expect(id).toMatch(/^\w{8}$/);
    await until(() => leftOf(id ?? "").length === 0, 2000 - (performance.now() - killedAt));
    expect(leftOf(id ?? "")).toEqual([]);
    expect(isRunning(atWork?.pid ?? 0)).toBe(false);
    expect(readdirSync(project.out).filter((name) => !name.startsWith("."))).toEqual([]);

    const next = await runDib(args, { cwd: project.dir });
    expect(next, next.stderr).toMatchObject({ exitCode: 0 });
    expect(readdirSync(join(project.dir, "tmp"))).toEqual([]);
    expect(readdirSync(project.out).sort()).toEqual(["image.qcow2", "image.report.json", "image.tar"]);
    expect(readdirSync("/run/dib")).not.toContain(id);
  },
);
