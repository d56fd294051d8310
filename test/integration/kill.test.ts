/** kill -9 of the CLI at its most awkward moments: the kernel cleans up, without any code of ours running. */
import { mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import type { BuildEvent } from "@dibjs/core";
import { afterEach, beforeEach, expect, test } from "vitest";
import { runDib } from "../support/dib.js";
import { leftOf, until } from "../support/left-of-build.js";
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
    const killed = await runDib(args, {
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

    const next = await runDib(args, { cwd: project.dir });
    expect(next, next.stderr).toMatchObject({ exitCode: 0 });
    expect(readdirSync(join(project.dir, "tmp"))).toEqual([]);
    expect(readdirSync(project.out).sort()).toEqual(["image.qcow2", "image.report.json", "image.tar"]);
    expect(readdirSync("/run/dib")).not.toContain(id);
  },
);
