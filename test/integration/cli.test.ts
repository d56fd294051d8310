/** `dib` as a whole process, without a terminal. */
import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { BuildEvent } from "@dibjs/core";
import { createExec } from "@dibjs/core/process/exec.js";
import { dibProgram, runDib, startDib } from "../support/dib.js";
import { Project } from "../support/toy-os.js";

let project: Project;

beforeEach(() => {
  project = new Project();
  mkdirSync(join(project.dir, "tmp"));
  project.script("install.d/10-say", "printf 'said \\033]0;evil\\007so\\n'");
});
afterEach(() => project[Symbol.dispose]());

const places = ["--elements-path", "elements", "--tmp-dir", "tmp", "--image-cache", "cache"];
const dib = (args: readonly string[], env: Record<string, string> = {}) => runDib(args, { cwd: project.dir, env });
const build = (more: readonly string[] = [], env: Record<string, string> = {}) =>
  dib(["build", "toy-os", "subject", "-n", "-t", "tar", "-o", "out/image", ...places, ...more], env);

/** What must be as it was after a failure. */
const left = () => ({
  tmp: readdirSync(join(project.dir, "tmp")),
  mounts: readFileSync("/proc/self/mountinfo", "utf8").includes(project.dir),
  out: readdirSync(project.out),
});
const nothing = { tmp: [], mounts: false, out: [] };

describe("dib build", () => {
  test("prints the image's path on standard output, all else on standard error", async () => {
    const { exitCode, stdout, stderr } = await build();
    expect({ exitCode, stdout }, stderr).toEqual({ exitCode: 0, stdout: `${project.out}/image.tar\n` });
    expect(stderr).toContain("subject/10-say | said so\n");
    expect(stderr).toMatch(/image built in .*\n +tar +.*image\.tar {2}\d/);
    expect(stderr).not.toContain("\x1b");
  });

  test("takes options between elements, several elements in one argument, and empty ones", async () => {
    const { exitCode, stderr } = await dib([
      "build",
      "-o",
      "out/image",
      "toy-os subject",
      "-t",
      "tar",
      "",
      "-n",
      ...places,
    ]);
    expect(exitCode, stderr).toBe(0);
    expect(stderr).toContain("subject/10-say | said so");
  });

  test("--quiet says nothing but the path", async () => {
    expect(await build(["--quiet"])).toEqual({ exitCode: 0, stdout: `${project.out}/image.tar\n`, stderr: "" });
  });

  test("--json is one event a line, the last one the result", async () => {
    const { stdout } = await build(["--json"]);
    const lines = stdout
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as BuildEvent | { type: "result" });
    expect(lines.map(({ type }) => type).slice(-2)).toEqual(["done", "result"]);
    expect(lines.at(-1)).toMatchObject({
      schemaVersion: 1,
      status: "ok",
      data: { reports: [{ artifacts: [{ format: "tar" }] }] },
    });
    expect(lines.filter(({ type }) => type === "output")).toMatchObject([
      { script: "10-say", text: "said \x1b]0;evil\x07so" },
    ]);
  });

  test("keeps all output in the log that --logfile names", async () => {
    await build(["--logfile", "out/build.log"]);
    expect(readFileSync(join(project.out, "build.log"), "utf8")).toContain(
      " | install | subject/10-say | said \x1b]0;evil\x07so\n",
    );
  });

  test("builds the config's images one after the other, or the one that is named", async () => {
    project.write(
      "dib.config.yaml",
      "base: false\nformats: [tar]\nelementPaths: [elements]\ncacheDir: cache\ntmpDir: tmp\nimages:\n  one: { elements: [toy-os], output: out/one }\n  two: { elements: [toy-os, subject], output: out/two }\n",
    );
    const both = await dib(["build", "--quiet"]);
    expect(both).toEqual({ exitCode: 0, stdout: `${project.out}/one.tar\n${project.out}/two.tar\n`, stderr: "" });
    const one = await dib(["build", "--quiet", "--image", "one"]);
    expect(one.stdout).toBe(`${project.out}/one.tar\n`);
  });
});

describe("a failed build", () => {
  test("names the script, its last words, the hint, the log and where to read more; nothing is left", async () => {
    project.script("install.d/20-fail", "echo last words; exit 3");
    const { exitCode, stdout, stderr } = await build(["--quiet"]);
    expect({ exitCode, stdout }).toEqual({ exitCode: 1, stdout: "" });
    const log = /^ {2}log: {2}(.*)$/m.exec(stderr)?.[1] ?? "";
    expect(stderr).toBe(
      [
        "✖ SCRIPT_FAILED install.d/20-fail of element subject exited with 3.",
        "last words",
        "  hint: Run again with --shell-on-error to look around.",
        `  log:  ${log}`,
        "  more: dib explain SCRIPT_FAILED",
        "",
      ].join("\n"),
    );
    expect(readFileSync(log, "utf8")).toContain("last words");
    expect(left()).toEqual(nothing);
  });

  test("before any script ran leaves no log among those of builds", async () => {
    expect((await dib(["build", "nonesuch", "-o", "out/image", ...places])).exitCode).toBe(2);
    expect(readdirSync(join(project.dir, "cache/logs"))).toEqual([]);
  });

  test("with --json ends with a result that has the failure", async () => {
    project.script("install.d/20-fail", "exit 3");
    const { exitCode, stdout } = await build(["--json"]);
    expect(exitCode).toBe(1);
    expect(JSON.parse(stdout.trimEnd().split("\n").at(-1) ?? "")).toMatchObject({
      type: "result",
      status: "failed",
      errors: [{ code: "SCRIPT_FAILED", kind: "element", context: { exitCode: 3 } }],
    });
  });

  test("by SIGTERM cleans up and ends with 143", async () => {
    project.script("install.d/20-wait", "sleep 600");
    const child = startDib(["build", "toy-os", "subject", "-n", "-t", "tar", "-o", "out/image", ...places], {
      cwd: project.dir,
    });
    await shown(child, "running install.d/20-wait");
    child.kill("SIGTERM");
    const [exitCode] = (await once(child, "close")) as [number];
    expect(exitCode).toBe(143);
    expect(left()).toEqual(nothing);
  });

  test("by three signals in a row ends at once, and no process of it goes on", async () => {
    project.script("install.d/20-wait", "trap '' TERM INT; sleep 4321");
    const child = startDib(["build", "toy-os", "subject", "-n", "-t", "tar", "-o", "out/image", ...places], {
      cwd: project.dir,
    });
    await shown(child, "running install.d/20-wait");
    const started = performance.now();
    const ended = once(child, "close");
    for (let times = 0; times < 3; times++) {
      child.kill("SIGINT");
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    const [exitCode] = (await ended) as [number];
    expect(exitCode).toBe(130);
    expect(performance.now() - started).toBeLessThan(5000);
    await expect.poll(() => execFileSync("ps", ["ax"]).toString(), { timeout: 2000 }).not.toContain("sleep 4321");
    await dib(["doctor", "--fix"]); // killed: what it left lies in a journal
    expect(left()).toEqual(nothing);
  });

  test("by a reader that went away ends with 141", async () => {
    project.script("install.d/20-wait", "for i in $(seq 20000); do echo line $i; done; sleep 600");
    const child = startDib(["build", "toy-os", "subject", "-n", "-t", "tar", "-o", "out/image", ...places, "--json"], {
      cwd: project.dir,
    });
    child.stderr?.resume();
    child.stdout?.on("data", (chunk: Buffer) => chunk.includes('"type":"output"') && child.stdout?.destroy());
    const [exitCode] = (await once(child, "close")) as [number];
    expect(exitCode).toBe(141);
    expect(left()).toEqual(nothing);
  });
});

async function shown(child: ReturnType<typeof startDib>, text: string): Promise<void> {
  let seen = "";
  await new Promise<void>((resolve) => {
    child.stderr?.on("data", (chunk: Buffer) => {
      seen += chunk.toString();
      if (seen.includes(text)) resolve();
    });
    void once(child, "close").then(() => resolve());
  });
  expect(seen).toContain(text);
}

describe("dib plan", () => {
  test("--json is the same bytes with another HOME, time zone, locale, umask and folder", async () => {
    const args = ["plan", "toy-os", "subject", "-n", "-t", "tar", "--elements-path", "elements", "--json"];
    const here = await dib(args);
    using elsewhere = new Project();
    elsewhere.script("install.d/10-say", "printf 'said \\033]0;evil\\007so\\n'");
    const there = execFileSync("bash", ["-c", 'umask 077; exec "$@"', "bash", process.execPath, dibProgram, ...args], {
      cwd: elsewhere.dir,
      env: {
        PATH: process.env.PATH,
        HOME: "/nonexistent",
        TZ: "Asia/Tokyo",
        LC_ALL: "tr_TR.UTF-8",
        LANG: "tr_TR.UTF-8",
      },
    });
    expect(here.stderr).toBe("");
    expect(there.toString()).toBe(here.stdout);
    expect(JSON.parse(here.stdout)).toMatchObject({
      status: "ok",
      data: { images: [{ digest: expect.stringMatching(/^[0-9a-f]{64}$/) as string }] },
    });
  });

  test("shows neither the value of a secret nor anything of it in JSON", async () => {
    project.write(
      "dib.config.yaml",
      "elements: [toy-os]\nbase: false\nformats: [tar]\nelementPaths: [elements]\nenvironment:\n  DIB_TOKEN: { fromEnv: MY_TOKEN }\n",
    );
    const text = await dib(["plan"], { MY_TOKEN: "hunter2-hunter2" });
    const json = await dib(["plan", "--json"], { MY_TOKEN: "hunter2-hunter2" });
    expect(text.stdout + text.stderr + json.stdout + json.stderr).not.toContain("hunter2");
    expect(text.stdout, text.stderr).toMatch(/DIB_TOKEN=\*\*\* +from dib\.config\.yaml/);
  });

  test("a reader that went away is no failure", () => {
    const script = `set -o pipefail; "$0" "$1" plan toy-os subject -n -t tar --elements-path elements --json | head -c 1 >/dev/null; echo $?`;
    const said = execFileSync("bash", ["-c", script, process.execPath, dibProgram], {
      cwd: project.dir,
      env: { PATH: process.env.PATH, HOME: project.dir },
      encoding: "utf8",
    });
    expect(said).toBe("0\n");
  });

  test("touches nothing", async () => {
    await dib(["plan", "toy-os", "-n", "-t", "tar", ...places]);
    expect(left()).toEqual(nothing);
    expect(existsSync(join(project.dir, "cache"))).toBe(false);
  });
});

describe("what there is", () => {
  test("dib elements lists names, versions and places, and what they shadow", async () => {
    project.write("other/subject/README.md", "# other\n");
    const { stdout } = await dib(["elements", "--elements-path", "elements", "--elements-path", "other", "--json"]);
    const { data } = JSON.parse(stdout) as {
      data: { elements: { name: string; shadows: string[]; package?: string }[] };
    };
    expect(data.elements.find(({ name }) => name === "subject")).toMatchObject({
      version: "0.0.0-local",
      folder: join(project.elements, "subject"),
      shadows: [join(project.dir, "other/subject")],
    });
    expect(data.elements.find(({ name }) => name === "vm")).toMatchObject({
      package: "@dibjs/element-vm",
      source: "bundled",
    });
  });

  test("dib info has README, variables, phases with their place, and who needs it", async () => {
    project.write("elements/subject/README.md", "# subject\n\nSays so.\n");
    project.write("elements/subject/environment.d/10-subject.bash", "export DIB_WORD=${DIB_WORD:-so}\n");
    project.write("elements/friend/element-deps", "subject\n");
    const { stdout } = await dib(["info", "subject", "--elements-path", "elements"]);
    expect(stdout).toMatch(/Needed by\n {2}friend\n/);
    expect(stdout).toMatch(/DIB_WORD {2}so {2}environment\.d\/10-subject\.bash/);
    expect(stdout).toContain("  install, in the chroot\n    10-say\n");
    expect(stdout).toContain("Says so.");
  });

  test("dib hooks shows scripts and taps at their hooks", async () => {
    const { stdout } = await dib(["hooks", "toy-os", "subject", "-n", "-t", "tar", "--elements-path", "elements"]);
    expect(stdout).toContain("phase:install series, worker\n  10-say (subject)\n");
    expect(stdout).toMatch(/^config waterfall, front\n/);
  });

  test("dib doctor says what this host can build", async () => {
    const { exitCode, stdout, stderr } = await dib(["doctor", "--json"]);
    const { data } = JSON.parse(stdout) as { data: { canBuild: boolean; facts: { what: string; ok: boolean }[] } };
    expect({ exitCode, canBuild: data.canBuild }, stderr).toEqual({ exitCode: 0, canBuild: true });
    expect(data.facts.map(({ what }) => what)).toEqual(expect.arrayContaining(["privileges", "every build", "KVM"]));
  });

  test("dib complete offers commands and elements", async () => {
    expect((await dib(["complete", "bash"])).stdout).toContain("complete");
    expect((await dib(["complete", "--", "pl"])).stdout).toContain("plan");
    expect((await dib(["complete", "--", "build", ""])).stdout).toContain("block-device-mbr");
  });

  test("a project's own copy takes over", async () => {
    project.write("node_modules/@dibjs/cli/dist/main.js", 'process.stdout.write("the project\'s own\\n");\n');
    project.write("node_modules/@dibjs/cli/package.json", '{ "name": "@dibjs/cli", "type": "module" }\n');
    expect((await dib(["--version"])).stdout).toBe("the project's own\n");
  });
});

describe("dib run-parts", () => {
  beforeEach(() => {
    project.write("parts/environment.d/20-b.bash", "export WORD=${WORD}b\n");
    project.write("parts/environment.d/10-a.bash", "export WORD=a\n");
    for (const name of ["10-late", "2-b", "02-a", "-5-first"])
      project.write(`parts/x.d/${name}`, '#!/bin/bash\necho "$(basename "$0") $WORD"\n');
    project.write("parts/x.d/30-dotted.sh", "#!/bin/bash\necho never\n");
    project.write("parts/x.d/40-not-executable", "echo never\n");
  });

  test("runs scripts by number, then bytes, with environment.d, and prints the profile", async () => {
    const { exitCode, stdout, stderr } = await dib(["run-parts", "parts/x.d"]);
    expect({ exitCode, stdout }).toEqual({ exitCode: 0, stdout: "-5-first ab\n02-a ab\n2-b ab\n10-late ab\n" });
    expect(stderr).toMatch(/dib-run-parts Running parts\/x\.d\/-5-first\n[\s\S]*dib-run-parts Target: x\.d\n/);
    expect(stderr).toMatch(/dib-run-parts 10-late {34} +\d+\.\d{3}\n/);
  });

  test("--list runs none", async () => {
    const { stdout } = await dib(["run-parts", "--list", "parts/x.d"]);
    expect(stdout).toBe("parts/x.d/-5-first\nparts/x.d/02-a\nparts/x.d/2-b\nparts/x.d/10-late\n");
  });

  test("stops at the first failure with its status", async () => {
    project.write("parts/x.d/2-b", "#!/bin/bash\nexit 9\n");
    const { exitCode, stdout, stderr } = await dib(["run-parts", "parts/x.d"]);
    expect({ exitCode, stdout }).toEqual({ exitCode: 9, stdout: "-5-first ab\n02-a ab\n" });
    expect(stderr).not.toContain("PROFILING");
  });

  test("a folder that is not there is 1, as DIB has it", async () => {
    expect((await dib(["run-parts", "none"])).exitCode).toBe(1);
    const { exitCode, stdout } = await dib(["run-parts", "--json", "none"]);
    expect([exitCode, JSON.parse(stdout)]).toMatchObject([
      1,
      { status: "failed", data: null, errors: [{ code: "USAGE_INVALID" }] },
    ]);
  });
});

test("a current folder that is gone is said, and hinders nothing that needs none", async () => {
  const gone = join(project.dir, "gone");
  const from = (...args: readonly string[]) =>
    createExec()(
      "bash",
      ["-c", 'mkdir "$1"; cd "$1"; rmdir "$1"; shift; exec "$@"', "bash", gone, process.execPath, dibProgram, ...args],
      {
        env: { PATH: process.env["PATH"] ?? "" },
      },
    );
  const { exitCode, stderr } = await from("plan", "vm");
  expect([exitCode, stderr]).toEqual([2, expect.stringContaining("USAGE_INVALID")]);
  expect(stderr).toContain("folder is gone");
  expect((await from("--version")).exitCode).toBe(0);
});

test("what an element says of itself can't draw on the terminal", async () => {
  project.write("elements/subject/README.md", "# Subject\n\u001b]0;evil\u0007plain\n");
  project.write("elements/subject/environment.d/10-x", "export WORD=${WORD:-\u001b[2Jx}\n");
  const { exitCode, stdout } = await dib(["info", "subject", "--elements-path", "elements"]);
  expect(exitCode).toBe(0);
  expect(stdout).toContain("# Subject\nplain");
  expect(stdout).not.toContain("\u001b");
});
