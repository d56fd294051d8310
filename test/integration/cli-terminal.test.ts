/** `dib build` on a real pseudo-terminal: progress, break points, Ctrl-C. */
import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { runDib } from "../support/dib.js";
import { dibOnTerminal, type Step } from "../support/terminal.js";
import { Project } from "../support/toy-os.js";
import { vector } from "../support/vectors.js";

let project: Project;

beforeEach(() => {
  project = new Project();
  mkdirSync(join(project.dir, "tmp"));
  project.script("install.d/10-say", "echo 'said so'");
});
afterEach(() => {
  const left = readdirSync(join(project.dir, "tmp"));
  const mounts = readFileSync("/proc/self/mountinfo", "utf8");
  project[Symbol.dispose]();
  expect(left).toEqual([]);
  expect(mounts).not.toContain(project.dir);
});

const args = (...more: readonly string[]) => [
  "build",
  "toy-os",
  "subject",
  "-n",
  "-t",
  "tar",
  "-o",
  "out/image",
  "--elements-path",
  "elements",
  "--tmp-dir",
  "tmp",
  "--image-cache",
  "cache",
  ...more,
];
const onTerminal = (more: readonly string[], steps: readonly Step[], env: Record<string, string> = {}) =>
  dibOnTerminal(args(...more), steps, { cwd: project.dir, env });
const ctrlC = { send: "\x03" };
/** Before it, readline loses what is typed. */
const prompt = { expect: "# " };

describe("progress on a terminal", () => {
  test("moves: the running phase and script, the profile, then the summary", () => {
    project.script("install.d/20-linger", "sleep 0.5"); // longer than any time between two frames
    const { exitCode, transcript } = onTerminal([], []);
    expect(exitCode).toBe(0);
    expect(transcript).toMatch(/▸ install.*20-linger/);
    expect(transcript).toMatch(/✓.* install {2}/);
    expect(transcript).toContain("Target: install.d");
    expect(transcript).toMatch(/built in [\s\S]*tar .*image\.tar/);
  });

  test.each([
    ["CI", "true"],
    ["TERM", "dumb"],
  ])("stands still with %s=%s", (name, value) => {
    const { exitCode, transcript } = onTerminal([], [], { [name]: value });
    expect(exitCode).toBe(0);
    expect(transcript).toContain("=== install");
    expect(transcript).not.toContain("\x1b[1A");
  });

  test("has no colour with NO_COLOR", () => {
    const { transcript } = onTerminal(["--progress", "plain"], [], { NO_COLOR: "1" });
    expect(transcript).not.toContain("\x1b");
  });
});

describe("a break point", () => {
  test("opens a shell in the chroot; Ctrl-C there does not end the build, exit resumes it", () => {
    const { exitCode, transcript, missing } = onTerminal(
      ["--break", "before-install"],
      [
        { expect: "Break point before-install: a shell in the chroot" },
        prompt,
        { send: ". /etc/os-release; echo id-$ID\n" },
        { expect: "id-toy" },
        prompt,
        { send: "echo asleep-$((40 + 1)); sleep 600\n" },
        { expect: "asleep-41" },
        { pause: 1 },
        ctrlC,
        prompt,
        { send: "echo still-$((40 + 2))\n" },
        { expect: "still-42" },
        prompt,
        ctrlC,
        prompt,
        { send: "exit\n" },
        { expect: "built in" },
      ],
    );
    expect({ exitCode, missing }, transcript).toEqual({ exitCode: 0, missing: null });
    expect(transcript).toMatch(/10-say +\d/); // the phase went on
  });

  test("outside is a shell on the host that knows the target, and the terminal is as it was afterwards", () => {
    const { exitCode, missing, echo, transcript } = onTerminal(
      ["--break", "after-root"],
      [
        { expect: "Break point after-root: a shell on the host" },
        prompt,
        { send: 'cat "$TARGET_ROOT/etc/os-release"; stty -echo\n' },
        { expect: "ID=toy" },
        { send: "exit\n" },
        { expect: "built in" },
      ],
    );
    expect({ exitCode, missing, echo }, transcript).toEqual({ exitCode: 0, missing: null, echo: true });
  });

  test("gives the keyboard back: Ctrl-C after the shell ends the build", () => {
    project.script("post-install.d/10-wait", "echo waiting; sleep 600");
    const { exitCode, missing, transcript } = onTerminal(
      ["--break", "before-install", "--progress", "plain"],
      [
        { expect: "a shell in the chroot" },
        prompt,
        { send: "exit\n" },
        { expect: " waiting" },
        ctrlC,
        { expect: "BUILD_INTERRUPTED" },
      ],
    );
    expect({ exitCode, missing }, transcript).toEqual({ exitCode: 130, missing: null });
  });

  vector(
    "break/after-error",
    () => {
      project.script("install.d/20-fail", "exit 3");
      const { exitCode, missing, transcript } = onTerminal(
        ["--shell-on-error"],
        [
          { expect: "Break point after-error: a shell in the chroot" },
          prompt,
          { send: "ls /tmp/in_target.d/install.d\n" },
          { expect: "20-fail" },
          { send: "exit\n" },
          { expect: "SCRIPT_FAILED" },
        ],
      );
      expect({ exitCode, missing }, transcript).toEqual({ exitCode: 1, missing: null });
    },
    "with --shell-on-error is where the script failed, and the failure stays one",
  );

  test("without a terminal is refused before anything runs", async () => {
    const { exitCode, stderr } = await runDib(args("--break", "before-install"), { cwd: project.dir });
    expect(exitCode).toBe(2);
    expect(stderr).toContain("USAGE_INVALID");
    expect(stderr).not.toContain("=== root");
  });

  vector(
    "break/command",
    async () => {
      const { exitCode, stderr } = await runDib(args("--break", "before-root"), {
        cwd: project.dir,
        env: { break_cmd: "echo command ran" },
      });
      expect(exitCode, stderr).toBe(0);
      expect(stderr).toContain("command ran");
    },
    "without a terminal runs break_cmd",
  );
});

describe("Ctrl-C in a build", () => {
  test("cleans up, and ends with 130", () => {
    project.script("install.d/20-wait", "echo waiting; sleep 600");
    const { exitCode, missing, transcript } = onTerminal(
      ["--progress", "plain"],
      [{ expect: " waiting" }, ctrlC, { expect: "BUILD_INTERRUPTED" }],
    );
    expect({ exitCode, missing }, transcript).toEqual({ exitCode: 130, missing: null });
    expect(execFileSync("ps", ["ax"]).toString()).not.toContain("sleep 600");
  });

  test("a second one changes nothing", () => {
    project.script("install.d/20-wait", "echo waiting; sleep 600");
    const { exitCode, transcript } = onTerminal(
      ["--progress", "plain"],
      [{ expect: " waiting" }, ctrlC, ctrlC, { expect: "BUILD_INTERRUPTED" }],
    );
    expect(exitCode, transcript).toBe(130);
  });
});

describe("a terminal that is closed", () => {
  test.each([
    ["in a script", [], " waiting"],
    ["in the shell of a break point", ["--break", "before-install"], "a shell in the chroot"],
  ])("%s ends the build by its signal, cleaned up", (_, more, text) => {
    project.script("install.d/20-wait", "echo waiting; sleep 600");
    const told = onTerminal(["--progress", "plain", ...more], [{ expect: text }, { pause: 0.5 }, { hangUp: true }]);
    expect({ signal: told.signal, missing: told.missing }, told.transcript).toEqual({ signal: 1, missing: null });
  });
});
