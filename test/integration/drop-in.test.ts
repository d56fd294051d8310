/** disk-image-create and ramdisk-image-create as whole processes, without a terminal. */
import { createHash } from "node:crypto";
import { once } from "node:events";
import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { runDropIn, runDropInChroot, startDropIn } from "../support/drop-in.js";
import { Project } from "../support/toy-os.js";

let project: Project;

beforeEach(() => {
  project = new Project();
  mkdirSync(join(project.dir, "tmp"));
  project.script("install.d/10-say", "printf 'said \\033[1mso\\n'");
});
afterEach(() => project[Symbol.dispose]());

const place = (env: Record<string, string> = {}) => ({
  cwd: project.dir,
  env: { ELEMENTS_PATH: "elements", TMPDIR: join(project.dir, "tmp"), ...env },
});
const create = (args: readonly string[], env?: Record<string, string>) =>
  runDropIn("disk-image-create", args, place(env));
const toy = ["-n", "-t", "tar", "toy-os", "subject"];
const build = (more: readonly string[] = [], env?: Record<string, string>) => create([...toy, ...more], env);

/** Names of what lies in a folder of the project, without what tests put there. */
const files = (folder = ".") =>
  readdirSync(join(project.dir, folder))
    .filter((name) => !["elements", "out", "tmp", ".cache"].includes(name))
    .sort();
const read = (file: string) => readFileSync(join(project.dir, file), "utf8");
const stamp = /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} \| /;
const linesOf = (text: string) => text.trimEnd().split("\n");
const untimed = (text: string) => linesOf(text).map((line) => line.replace(stamp, ""));
const left = () => ({
  tmp: readdirSync(join(project.dir, "tmp")),
  mounts: readFileSync("/proc/self/mountinfo", "utf8").includes(project.dir),
  files: files(),
});
const nothing = { tmp: [], mounts: false, files: [] };

describe("a build", () => {
  test("tells its callers the lines that they search for, each with its time, and leaves nothing but the image", async () => {
    const { exitCode, stdout, stderr } = await build(["-o", "img"]);
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
    expect(linesOf(stdout).filter((line) => !stamp.test(line))).toEqual([]);
    const lines = untimed(stdout);
    const hooks = join(project.dir, "tmp/dib_build");
    const told = [
      /^diskimage-builder version \d/,
      /^Building elements: toy-os subject$/,
      /^Expanded element dependencies to: subject toy-os$/,
      new RegExp(`^Building in ${hooks}\\.\\w+$`),
      new RegExp(`^Running hooks from ${hooks}\\.\\w+/hooks/root\\.d$`),
      new RegExp(`^dib-run-parts Running ${hooks}\\.\\w+/hooks/root\\.d/10-toy-os$`),
      /^dib-run-parts 10-toy-os completed$/,
      /^dib-run-parts Target: root\.d$/,
      /^dib-run-parts 10-toy-os {31} +\d+\.\d{3}$/,
      /^dib-run-parts Running \/tmp\/in_target\.d\/install\.d\/10-say$/,
      /^said \x1b\[1mso$/, // eslint-disable-line no-control-regex -- as the script wrote it
      /^Image file img\.tar created\.\.\.$/,
      /^Build completed successfully$/,
    ].map((pattern) => lines.findIndex((line) => pattern.test(line)));
    expect(told).toEqual(told.filter((index) => index !== -1).sort((a, b) => a - b));
    expect(lines.at(-1)).toBe("Build completed successfully");
    expect(left()).toEqual({ ...nothing, files: ["img.tar"] });
    expect(existsSync(join(project.dir, ".cache/image-create"))).toBe(true);
    expect(existsSync(join(project.dir, ".cache/dib/lockfiles"))).toBe(true);
  });

  test("is called image, and qcow2 that every qemu reads, when nothing else is asked for", async () => {
    const { exitCode, stderr } = await create(["-n", "toy-os"]);
    expect(exitCode, stderr).toBe(0);
    expect(files()).toEqual(["image.qcow2"]);
    const head = readFileSync(join(project.dir, "image.qcow2")).subarray(0, 112);
    expect({ magic: head.toString("latin1", 0, 3), compressionType: head[104] }).toEqual({
      magic: "QFI",
      compressionType: 0, // zlib
    });
  });

  test("keeps an old image and its sums under the time, or overwrites it", async () => {
    const sums = ["--checksum", "-o", "./img.tar"];
    await build(sums);
    const first = createHash("sha256")
      .update(readFileSync(join(project.dir, "img.tar")))
      .digest("hex");
    expect(read("img.tar.sha256")).toBe(`${first}  ./img.tar\n`);
    const { stdout } = await build(sums);
    const old = files().find((name) => /^img-\d{4}\.\d\d\.\d\d-\d\d\.\d\d\.\d\d\.tar$/.test(name)) ?? "none";
    expect(untimed(stdout)).toContain(`Old image found. Renaming it to ./${old}`);
    expect(files()).toEqual([old, `${old}.md5`, `${old}.sha256`, "img.tar", "img.tar.md5", "img.tar.sha256"].sort());
    await build(sums, { OVERWRITE_OLD_IMAGE: "1" });
    expect(files()).toHaveLength(6);
  });

  test("hands the whole environment on, with DIB_ARGS and DIB_ENV as the caller had them", async () => {
    project.script("extra-data.d/10-tell", 'echo "own=$MY_OWN"; echo "args=$DIB_ARGS"; echo "$DIB_ENV"');
    const { stdout } = await build(["-x", "", "-o", "img"], { MY_OWN: "a  b", DIB_X: "1", DIB_CHECKSUM: "0" });
    expect(untimed(stdout)).toEqual(
      expect.arrayContaining([
        "own=a  b",
        "args=-n -t tar toy-os subject -x  -o img",
        'declare -x DIB_ARGS="-n -t tar toy-os subject -x  -o img"',
        'declare -x DIB_CHECKSUM="0"',
        'declare -x DIB_X="1"',
      ]),
    );
  });

  test.each([
    ["tar", { DIB_SHOW_IMAGE_USAGE: "1" }, "Image size report (files > 10MiB)", false],
    ["raw", { DIB_SHOW_IMAGE_USAGE: "1", DIB_SHOW_IMAGE_USAGE_FULL: "1" }, "Image size report", true],
  ])("tells what takes the room when it is asked to: %s, %j", async (format, env, title, hasSmall) => {
    project.script("extra-data.d/10-fill", 'head -c 11M /dev/zero > "$TARGET_ROOT/large"; : > "$TARGET_ROOT/small"');
    const { stdout } = await create(["-n", "-t", format, "toy-os", "subject"], env);
    const lines = untimed(stdout);
    const from = lines.indexOf(title);
    const report = lines.slice(from, lines.indexOf("===== end image size report ====="));
    expect([from > 0, report.includes("  11MiB\t/large"), report.includes("     0B\t/small")]).toEqual([
      true,
      true,
      hasSmall,
    ]);
  });

  test("-c hands nothing of it on: ELEMENTS_PATH is gone, too", async () => {
    const { exitCode, stderr } = await build(["-c"]);
    expect([exitCode, linesOf(stderr)[0]]).toEqual([1, "ERROR: Element 'toy-os' not found."]);
  });

  test("-x traces scripts that ask for it, and no secret", async () => {
    const password = "it's a $ecret";
    project.script(
      "install.d/20-trace",
      'if [ "${DIB_DEBUG_TRACE:-0}" -gt 0 ]; then set -x; fi\n[[ x == "$DIB_PASSWORD" ]] || user="ada:$DIB_PASSWORD"',
    );
    project.write("elements/subject/environment.d/10-subject.bash", 'export DIB_URL="https://ada:$DIB_PASSWORD@h"\n');
    const { exitCode, stdout, stderr } = await build(["-x", "--logfile", "log"], {
      DIB_PASSWORD: password,
      DIB_QUIET: "0",
    });
    expect(exitCode, stderr).toBe(0);
    expect(stdout).toContain("+ user='ada:***'");
    const told = stdout + read("log");
    expect(["ecret", String.raw`\e\c\r\e\t`].filter((part) => told.includes(part))).toEqual([]);
  });
});

describe("the log", () => {
  test("--logfile takes the place of standard output, and is added to", async () => {
    project.write("build.log", "before\n");
    const { stdout } = await build(["--logfile", "build.log"]);
    expect(stdout).toBe("Output logs going to: build.log\n");
    const [before, ...lines] = linesOf(read("build.log"));
    expect(before).toBe("before");
    expect(lines.filter((line) => !stamp.test(line))).toEqual([]);
    expect(lines.at(-1)).toMatch(/ \| Build completed successfully$/);
  });

  test("DIB_QUIET=0 has both, DIB_NO_TIMESTAMP=1 no time on standard output", async () => {
    const { stdout } = await build(["--logfile", "build.log"], { DIB_QUIET: "0", DIB_NO_TIMESTAMP: "1" });
    expect(linesOf(stdout).slice(1)).toEqual(untimed(read("build.log")));
  });
});

describe("a failure", () => {
  test("of a script says so on standard error and in the log file, and leaves nothing", async () => {
    project.script("install.d/20-fail", "echo last words; exit 3");
    const { exitCode, stdout, stderr } = await build(["-o", "img", "--logfile", "out/build.log"]);
    expect({ exitCode, stdout }).toEqual({ exitCode: 1, stdout: "Output logs going to: out/build.log\n" });
    expect(linesOf(stderr)).toEqual([
      "ERROR: install.d/20-fail of element subject exited with 3.",
      "last words",
      "  hint: Run again with break=after-error to look around.",
      "  more: dib explain SCRIPT_FAILED",
    ]);
    expect(untimed(read("out/build.log")).slice(-4)).toEqual(linesOf(stderr));
    expect(left()).toEqual(nothing);
  });

  test.each<[readonly string[], Record<string, string>, string]>([
    [[], {}, "ERROR: At least one distribution root element must be specified"],
    [["", " "], { IMAGE_ELEMENT: "toy-os" }, "ERROR: At least one distribution root element must be specified"],
    [["-n", "nonesuch"], {}, "ERROR: Element 'nonesuch' not found."],
    [["-n", "subject"], {}, "ERROR: Please include an operating system element"],
    [["-n", "toy-os", "operating-system"], {}, "ERROR: operating-system: already provided by ['toy-os']"],
    [["-n", "toy-os"], { ELEMENTS_PATH: "/nowhere" }, "ERROR: ELEMENTS_PATH entry '/nowhere' is not a directory"],
    [["-n", "-t", "nonesuch", "toy-os"], {}, 'ERROR: There is no output format "nonesuch"'],
    [["-n", "--image-size", "big", "toy-os"], {}, 'ERROR: --image-size is "big", expected'],
    [["--frobnicate"], {}, "disk-image-create: unrecognized option '--frobnicate'"],
    [["--image", "1"], {}, "disk-image-create: option '--image' is ambiguous; possibilities:"],
    [["-o"], {}, "disk-image-create: option requires an argument -- 'o'"],
    [["-n", "--logfile", "/nowhere/log", "toy-os"], {}, "ERROR: The output /nowhere/log can't be written"],
  ])("of the request is 1: %j %j", async (args, env, says) => {
    const { exitCode, stderr } = await create(args, env);
    expect([exitCode, stderr.slice(0, says.length)]).toEqual([1, says]);
    expect(left()).toEqual(nothing);
  });

  test.each([
    ["SIGINT", 130],
    ["SIGTERM", 143],
  ] as const)("by %s ends with %i once all is cleared", async (signal, code) => {
    project.script("install.d/20-wait", "echo waiting; sleep 600");
    const child = startDropIn("disk-image-create", [...toy, "-o", "img"], place());
    const ended = once(child, "close") as Promise<[number]>;
    await new Promise<void>((resolve) => {
      child.stdout?.on("data", (chunk: Buffer) => chunk.includes("| waiting") && resolve());
      void ended.then(() => resolve());
    });
    child.kill(signal);
    expect(await ended).toEqual([code, null]);
    expect(left()).toEqual(nothing);
  });
});

describe("break points", () => {
  test("run break_cmd, or a shell that reads standard input, and the build goes on", async () => {
    const env = { break: "after-install", break_cmd: "echo at the break" };
    const { exitCode, stdout, stderr } = await build([], env);
    expect(exitCode, stderr).toBe(0);
    expect(stderr).toContain("at the break");
    const told = ["Starting debug shell. Exit to resume building.", "At stage after-install", "Resuming"];
    // What scripts said before comes by a pipe of its own, and may be shown later.
    expect(untimed(stdout).filter((line) => told.includes(line))).toEqual(told);
    expect((await build([], { break: "after-install" })).exitCode).toBe(0); // nothing is on standard input
  });

  test("are in the image also when the command itself runs in a chroot", async () => {
    mkdirSync(join(project.dir, "tmp/root"));
    const env = { break: "after-install", break_cmd: "head -1 /etc/os-release" };
    const command = ["disk-image-create", toy, place(env), join(project.dir, "tmp/root")] as const;
    const { exitCode, stderr } = await runDropInChroot(...command);
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "ID=toy\n" });
  });

  test("break_outside_target has the shell after an error on the host", async () => {
    project.script("install.d/20-fail", "exit 3");
    const env = { break: "after-error", break_cmd: "pwd; ls / | head -3 >/dev/null; cat /etc/os-release | head -1" };
    expect((await build([], env)).stderr).toContain("ID=toy");
    expect((await build([], { ...env, break_outside_target: "1" })).stderr).not.toContain("ID=toy");
  });
});

describe("the commands", () => {
  test.each(["disk-image-create", "ramdisk-image-create"])("%s tells its help and its version", async (command) => {
    const help = await runDropIn(command, ["--he"], place());
    expect({ exitCode: help.exitCode, stderr: help.stderr }).toEqual({ exitCode: 0, stderr: "" });
    expect(help.stdout).toContain(`Usage: ${command} [OPTION]...`);
    const version = await runDropIn(command, ["--vers"], place());
    expect(version).toEqual({ exitCode: 0, stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/) as string, stderr: "" });
  });

  test("complete offers options and elements, and what is asked for otherwise is an element", async () => {
    expect((await create(["complete", "bash"])).stdout).toContain("# bash completion for disk-image-create\n");
    expect((await create(["complete", "--", "-o", "x", "--image-s"])).stdout).toMatch(/^--image-size\t/);
    expect((await create(["complete", "--", "toy-os", "subj"])).stdout).toMatch(/^subject\t/);
    expect((await create(["-n", "complete"])).stderr).toContain("Element 'complete' not found");
  });

  test("ramdisk-image-create puts the ramdisk element first", async () => {
    const { exitCode, stderr } = await runDropIn(
      "ramdisk-image-create",
      ["--ramdisk-element", "rd", "toy-os"],
      place(),
    );
    expect([exitCode, stderr]).toEqual([1, expect.stringContaining("Element 'rd' not found.")]);
  });

  test("a project's own copy takes over", async () => {
    project.write(
      "node_modules/@dibjs/cli/dist/drop-in/disk-image-create.js",
      'process.stdout.write("the project\'s own\\n");\n',
    );
    project.write("node_modules/@dibjs/cli/package.json", '{ "name": "@dibjs/cli", "type": "module" }\n');
    expect((await create(["vm"])).stdout).toBe("the project's own\n");
  });

  test("elements of the project's packages are found after ELEMENTS_PATH, before those of the command", async () => {
    const packages = fileURLToPath(new URL("../../packages", import.meta.url));
    mkdirSync(join(project.dir, "node_modules/@dibjs"), { recursive: true });
    symlinkSync(join(packages, "core"), join(project.dir, "node_modules/@dibjs/core"));
    project.write(
      "node_modules/own-elements/package.json",
      '{ "name": "own-elements", "version": "1.0.0", "dib": { "apiVersion": 1, "core": "^1.0.0", "elements": { "subject": "./subject", "growroot": "./growroot" } } }\n',
    );
    for (const name of ["subject", "growroot"])
      project.write(`node_modules/own-elements/${name}/extra-data.d/10-${name}`, `#!/bin/bash\necho package ${name}\n`);
    project.write("package.json", '{ "name": "p", "dependencies": { "own-elements": "1.0.0" } }\n');
    const { exitCode, stdout, stderr } = await build(["growroot"]);
    expect(exitCode, stderr).toBe(0);
    expect(untimed(stdout).filter((line) => line.startsWith("package "))).toEqual(["package growroot"]);
  });
});

describe("dib-lint", () => {
  const lint = (args: readonly string[], env: Record<string, string>) => runDropIn("dib-lint", args, place(env));

  test("is told by variables what to look at, and exits with 1 for a fault", async () => {
    project.write("mine/a/README.rst", "A\n");
    expect(await lint([], { ELEMENTS_DIR: "mine" })).toMatchObject({ exitCode: 0, stdout: endsWith("PASS") });
    project.write("lib/x", "\ttab\n");
    expect(await lint([], { ELEMENTS_DIR: "mine", LIB_DIR: "lib" })).toMatchObject({
      exitCode: 1,
      stdout: endsWith("*** FAIL: Some tests failed!"),
    });
    expect(await lint([], {})).toMatchObject({
      exitCode: 1,
      stdout: expect.stringContaining("there is no folder diskimage_builder/elements") as string,
    });
  });

  test("takes no arguments, says so, and what a terminal would obey is spelt", async () => {
    project.write("mine/a\u001b[2J/x", "x\n");
    const { stdout, stderr } = await lint(["mine"], { ELEMENTS_DIR: "mine" });
    expect(stderr).toContain("takes no arguments");
    expect(stdout).toContain("mine/a\\u{1b}[2J lacks a README.rst");
  });

  const endsWith = (line: string) => expect.toSatisfy((said: string) => said.endsWith(`${line}\n`)) as string;
});
