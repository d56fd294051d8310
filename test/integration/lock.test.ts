/** `dib.lock` of a real project, from its first build to a mirror that has moved on. */
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { BuildReport } from "@dibjs/core";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { DibResult } from "../support/dib.js";
import { LockProject } from "../support/lock-project.js";
import { Project } from "../support/toy-os.js";

let project: LockProject;
/** As the first build wrote it. */
let locked: string;
let commit: string;

const sha256 = (text: string) => createHash("sha256").update(text).digest("hex");
const january = { date: "Mon, 01 Jan 2024 00:00:00 UTC", bash: "5.2.15-2" };
const february = { date: "Thu, 01 Feb 2024 00:00:00 UTC", bash: "5.2.15-3" };

beforeAll(async () => {
  project = await LockProject.open();
  commit = project.git("rev-parse", "main");
  const { exitCode, stderr } = await project.build();
  expect(exitCode, stderr).toBe(0);
  expect(stderr).toContain(`note: ${project.lockFile} says now what one was built from`);
  locked = project.lockText();
});
afterAll(() => project?.[Symbol.asyncDispose]());

/** Each test moves something on; the next starts from the first build's state, the lock's. */
beforeEach(() => {
  writeFileSync(project.lockFile, locked);
  project.serve("note", "note one\n");
  project.moveMirror(january);
  project.git("reset", "--quiet", "--hard", commit);
});

describe("the first build of a project", () => {
  test("writes down what the image was built from", () => {
    const { arch, elements, ...gathered } = project.lock().images["one"] ?? {};
    expect(arch).toMatch(/^[a-z0-9]+$/);
    expect(Object.keys(elements ?? {}).sort()).toEqual(Object.keys(elements ?? {}));
    expect(elements).toMatchObject({
      subject: { source: "config", version: "0.0.0-local", digest: expect.stringMatching(/^[0-9a-f]{64}$/) as string },
      "cache-url": { source: "bundled", package: "@dibjs/element-base", version: "1.0.0" },
    });
    expect(gathered).toEqual({
      files: {
        [`${project.server.url}/note`]: { sha256: sha256("note one\n"), sizeBytes: 9 },
        "https://inside.invalid/x": { sha256: "7".padStart(64, "0"), sizeBytes: 4 },
      },
      git: { [`${join(project.dir, "code")} main`]: commit },
      apt: { "Debian bookworm": { date: january.date, sha256: sha256(releaseOf(january.date)) } },
      packages: { "bash:amd64": january.bash, "dash:amd64": "0.5.12-2" },
    });
  });

  test("has the same in its report", () => {
    const report = JSON.parse(readFileSync(join(project.out, "one.report.json"), "utf8")) as BuildReport;
    expect(report.sources.git).toEqual([{ url: join(project.dir, "code"), ref: "main", commit }]);
    expect(report.sources.files.map(({ url }) => url)).toEqual([
      `${project.server.url}/note`,
      "https://inside.invalid/x",
    ]);
    expect(report.sources.apt).toMatchObject([{ suite: "Debian bookworm", date: january.date }]);
  });

  test("of another image adds it, and leaves the first as it is", async () => {
    const { exitCode } = await project.dib("build", "--image", "two", "--quiet");
    expect(exitCode).toBe(0);
    const { images } = project.lock();
    expect(Object.keys(images)).toEqual(["one", "two"]);
    expect(images["one"]).toEqual((JSON.parse(locked) as typeof images & { images: typeof images }).images["one"]);
  });
});

const releaseOf = (date: string) =>
  `Origin: Debian\nLabel: Debian\nSuite: oldstable\nCodename: bookworm\nDate: ${date}\n`;

describe("a build from the same things", () => {
  test("leaves the lock's bytes alone and has nothing to say; with --locked, too", async () => {
    for (const options of [[], ["--locked"]]) {
      const { exitCode, stderr } = await project.build(...options);
      expect(exitCode, stderr).toBe(0);
      expect(stderr).not.toContain("dib.lock");
      expect(project.lockText()).toBe(locked);
    }
  });
});

describe("when the mirror has moved on", () => {
  test("a build says what differs and how to accept it, and does not touch the lock", async () => {
    project.moveMirror(february);
    project.serve("note", "note two\n");
    const moved = project.commit("two\n");
    const { exitCode, stderr } = await project.build();
    expect(exitCode, stderr).toBe(0);
    expect(stderr).toContain(`warning: one was built from other things than ${project.lockFile} says:`);
    for (const line of [
      `  file ${project.server.url}/note: sha256 ${sha256("note one\n")} in the lock, sha256 ${sha256("note two\n")} now`,
      `  git ${join(project.dir, "code")} main: ${commit} in the lock, ${moved} now`,
      `  suite Debian bookworm: ${january.date}`,
      "  package bash:amd64: 5.2.15-2 in the lock, 5.2.15-3 now",
      "dib lock --update one rewrites it",
    ])
      expect(stderr).toContain(line);
    expect(stderr).not.toContain("package dash");
    expect(project.inImage("/opt/note")).toBe("note two\n");
    expect(project.lockText()).toBe(locked);
  });

  test("--locked refuses other packages, names each with both versions, and publishes nothing", async () => {
    project.moveMirror(february);
    rmSync(join(project.out, "one.tar"), { force: true });
    const before = project.outputs();
    const { exitCode, stdout } = await project.build("--locked", "--json");
    expect(exitCode).toBe(6);
    expect(JSON.parse(stdout.trimEnd().split("\n").at(-1) ?? "")).toMatchObject({
      status: "failed",
      errors: [
        {
          code: "LOCK_MISMATCH",
          kind: "policy",
          context: {
            image: "one",
            differences: [
              { part: "suite", name: "Debian bookworm" },
              { part: "package", name: "bash:amd64", locked: "5.2.15-2", now: "5.2.15-3" },
            ],
          },
        },
      ],
    });
    expect(project.outputs()).toEqual(before);
  });

  test("--locked builds while the mirror still gives the locked packages", async () => {
    project.moveMirror({ ...january, date: february.date });
    const { exitCode, stderr } = await project.build("--locked");
    expect(exitCode, stderr).toBe(0);
  });

  test("--locked takes a locked file from the cache", async () => {
    const first = await project.build("--locked");
    expect(first.exitCode, first.stderr).toBe(0);
    project.serve("note", "note two\n");
    const { exitCode, stderr } = await project.build("--locked");
    expect(exitCode, stderr).toBe(0);
    expect(project.inImage("/opt/note")).toBe("note one\n");
  });

  test("--locked refuses another file where it is fetched: no later script runs", async () => {
    project.serve("note", "note two\n");
    project.dropCache();
    const { exitCode, stderr } = await project.build("--locked");
    expect(exitCode).toBe(6);
    expect(stderr).toContain("✖ LOCK_MISMATCH The build of one is not what");
    expect(stderr).toContain(`file ${project.server.url}/note: sha256 ${sha256("note one\n")} in the lock`);
    expect(stderr).not.toContain("running install.d");
  });

  test("--locked takes the locked commit, wherever its branch points now", async () => {
    project.commit("two\n");
    project.dropCache();
    const { exitCode, stderr } = await project.build("--locked");
    expect(exitCode, stderr).toBe(0);
    expect(project.inImage("/opt/code/file")).toBe("one\n");
  });
});

/** How a build that was refused ended, and with which code. */
const refusalOf = ({ exitCode, stderr }: Pick<DibResult, "exitCode" | "stderr">) => ({
  exitCode,
  code: /✖ (\w+)/.exec(stderr)?.[1],
});
const mismatch = { exitCode: 6, code: "LOCK_MISMATCH" };

describe("when something else changed", () => {
  test("a commit that is gone is refused with both commits", async () => {
    const git = join(project.dir, "code/.git");
    const kept = join(project.dir, "kept");
    renameSync(git, kept);
    const other = project.startHistory("other\n");
    project.dropCache();
    const { exitCode, stderr } = await project.build("--locked");
    rmSync(git, { recursive: true });
    renameSync(kept, git);
    expect(refusalOf({ exitCode, stderr })).toEqual(mismatch);
    expect(stderr).toContain(`main: ${commit} in the lock, ${other} now`);
  });

  test("elements are compared before anything runs, all of them named", async () => {
    const file = join(project.dir, "elements/subject/environment.d/10-subject");
    mkdirSync(dirname(file));
    writeFileSync(file, "export DIB_SUBJECT=1\n");
    const config = readFileSync(join(project.dir, "dib.config.yaml"), "utf8");
    writeFileSync(join(project.dir, "dib.config.yaml"), config.replace("source-repositories, ", ""));
    const locked = await project.build("--locked");
    const state = await project.dib("lock", "one", "--json");
    rmSync(dirname(file), { recursive: true });
    writeFileSync(join(project.dir, "dib.config.yaml"), config);
    expect(refusalOf(locked)).toEqual(mismatch);
    expect(locked.stderr).toContain("element source-repositories: 1.0.0 in the lock, gone now");
    expect(locked.stderr).toMatch(/element subject: digest [0-9a-f]{64} in the lock, digest [0-9a-f]{64} now/);
    expect(locked.stderr).not.toContain("running");
    expect(state.exitCode).toBe(6);
    expect(JSON.parse(state.stdout)).toMatchObject({ data: { images: [{ image: "one", state: "differs" }] } });
  });
});

test("a script in the chroot that uses another file all the same is found out", async () => {
  writeFileSync(project.lockFile, locked.replace("7".padStart(64, "0"), "8".padStart(64, "0")));
  const { exitCode, stderr } = await project.build("--locked");
  expect(refusalOf({ exitCode, stderr })).toEqual(mismatch);
  expect(stderr).toMatch(/file https:\/\/inside\.invalid\/x: sha256 0+8 in the lock, sha256 0+7 now/);
});

test("of several images all are checked before the first is built", async () => {
  const { exitCode, stderr } = await project.dib("build", "--locked");
  expect(refusalOf({ exitCode, stderr })).toEqual({ exitCode: 6, code: "LOCK_MISSING" });
  expect(stderr).toContain('has no image "two"');
  expect(stderr).not.toContain("running");
});

describe("dib lock", () => {
  test("says that lock and elements agree, and of an image that it is not there", async () => {
    const one = await project.dib("lock", "one");
    expect(one).toMatchObject({ exitCode: 0, stderr: "" });
    expect(one.stdout).toMatch(/^one: as locked \(\d+ elements, 2 files, 1 git commits, 1 apt suites, 2 packages\)\n$/);
    const both = await project.dib("lock");
    expect(both.exitCode).toBe(6);
    expect(both.stdout).toContain("two: not in dib.lock; dib lock --update two puts it there\n");
  });

  test("--update writes the entry of what there is now and publishes nothing; then --locked builds", async () => {
    project.moveMirror(february);
    const before = project.outputs();
    const updated = await project.dib("lock", "--update", "one", "--json");
    expect(updated.exitCode, updated.stderr).toBe(0);
    expect(JSON.parse(updated.stdout)).toMatchObject({ status: "ok", data: { images: [{ state: "same" }] } });
    expect(project.lock().images["one"]?.packages["bash:amd64"]).toBe(february.bash);
    expect(project.outputs()).toEqual(before);
    const { exitCode, stderr } = await project.build("--locked");
    expect(exitCode, stderr).toBe(0);
  });
});

describe("a lock that can't be kept to", () => {
  test.each([
    ["missing", "", "LOCK_MISSING", "--locked"],
    ["of another version", '{\n  "images": {},\n  "version": 2\n}\n', "LOCK_INVALID", "--quiet"],
    ["broken", '{\n  "images": {\n', "LOCK_INVALID", "--quiet"],
  ])("because it is %s: exit code 6, and nothing runs", async (_, text, code, option) => {
    if (text === "") rmSync(project.lockFile);
    else writeFileSync(project.lockFile, text);
    const { exitCode, stderr } = await project.build(option);
    expect(refusalOf({ exitCode, stderr }), stderr).toEqual({ exitCode: 6, code });
    expect(stderr).not.toContain("running");
    expect(project.lockText()).toBe(text);
  });
});

test("a build outside of any project writes no lock; a line of a script that says nothing is noted", async () => {
  using folder = new Project();
  folder.script("install.d/10-say", 'echo nonsense >> "$DIB_FETCH_LOG"');
  const { report, events } = await folder.build({ lock: "keep" });
  expect(report.sources).toEqual({ files: [], git: [], apt: [] });
  expect(events.flatMap((event) => (event.type === "note" ? [event.text] : []))).toContainEqual(
    expect.stringMatching(/DIB_FETCH_LOG that says nothing: nonsense$/),
  );
  expect(() => readFileSync(join(folder.dir, "dib.lock"))).toThrow(expect.objectContaining({ code: "ENOENT" }));
});
