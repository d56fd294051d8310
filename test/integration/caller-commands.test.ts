/** Commands that the caller has for moments of a build, by the variables that DIB reads: break_cmd, EXTRA_DETACH, EXTRA_UNMOUNT. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { runDib } from "../support/dib.js";
import { Project } from "../support/toy-os.js";

let project: Project;
beforeEach(() => void (project = new Project()));
afterEach(() => project[Symbol.dispose]());

const build = (env: Readonly<Record<string, string>>, format = "tar") =>
  runDib(["build", "toy-os", "subject", "-n", "-t", format, "-o", "out/image", "--progress", "plain"], {
    cwd: project.dir,
    env: { ELEMENTS_PATH: project.elements, ...env },
  });

const lines = (name: string): string[] => {
  const file = join(project.dir, name);
  return existsSync(file) ? readFileSync(file, "utf8").split("\n").filter(Boolean) : [];
};

describe("EXTRA_DETACH and EXTRA_UNMOUNT", () => {
  /** Says which of the two it is for, and whether the target has mounts below it. */
  const program = () =>
    project.write(
      "tell",
      '#!/bin/bash\nfindmnt -rn -o TARGET | grep -q "dib_build.*/mnt/." && held=" held"\necho "$1$held" >> told\n',
    );
  const commands = () => ({ EXTRA_DETACH: "./tell detach", EXTRA_UNMOUNT: "./tell unmount ; false" });

  beforeEach(() => void program());

  test("run as words, when the target's mounts are gone: after the tree, and at the end", async () => {
    project.script("install.d/10-mount", "mount -t tmpfs none /run");
    const { exitCode, stderr } = await build(commands(), "raw");
    expect(exitCode, stderr).toBe(0);
    expect(lines("told")).toEqual(["detach", "unmount", "detach", "unmount"]);
  });

  test("run after a failure too", async () => {
    project.script("extra-data.d/10-fail", "exit 1");
    expect((await build(commands())).exitCode).toBe(1);
    expect(lines("told")).toEqual(["detach", "unmount"]);
  });

  test("that fail fail the build", async () => {
    project.script("install.d/10-true", "true");
    const { exitCode, stderr } = await build({ EXTRA_DETACH: "false" }, "raw");
    expect(exitCode).toBe(7); // what it was to free is not free
    expect(stderr).toContain("SCRIPT_FAILED");
  });
});

describe("break_cmd after an error in the chroot", () => {
  const command = (more: Readonly<Record<string, string>>) => ({
    break: "after-error",
    break_cmd: 'cp tmp/mark "$DIB_TEST_FOLDER/mark" || true', // in the chroot that folder is not there
    DIB_TEST_FOLDER: project.dir,
    ...more,
  });

  beforeEach(() => project.script("install.d/10-fail", "echo seen > /tmp/mark; exit 1"));

  test("runs there", async () => {
    const { exitCode, stdout, stderr } = await build(command({ break_cmd: "cat /etc/os-release" }));
    expect(exitCode).toBe(1);
    expect(stdout + stderr).toContain("ID=toy");
  });

  test("runs outside, in the target's folder, when break_outside_target says so", async () => {
    expect((await build(command({ break_outside_target: "1" }))).exitCode).toBe(1);
    expect(lines("mark")).toEqual(["seen"]);
  });
});
