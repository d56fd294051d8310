import { statSync } from "node:fs";
import { basename, join } from "node:path";
import { describe, expect, test } from "vitest";
import { phaseNames } from "@dibjs/core/phases/table.js";
import { createExec } from "@dibjs/core/process/exec.js";
import { elements, exists } from "./element-packages.js";
import { filesUnder, read, root } from "./source.js";

const isExecutable = (file: string) => (statSync(join(root, file)).mode & 0o111) !== 0;
const filesOf = (folder: string) => (exists(folder) ? filesUnder(folder) : []);
const inFolder = (name: string) => elements.flatMap(({ folder }) => filesOf(`${folder}/${name}`));

const phaseScripts = phaseNames.flatMap((name) => inFolder(`${name}.d`));
const programs = [...inFolder("bin"), ...filesOf("scripts"), ...filesOf(".ci"), ...filesOf("packages/cli/bin")].filter(
  (file) => read(file).startsWith("#!"),
);
const environment = inFolder("environment.d");

describe("phase scripts of our elements", () => {
  test("exist", () => {
    expect(phaseScripts.length).toBeGreaterThan(0);
  });

  test("are executable", () => {
    expect(phaseScripts.filter((file) => !isExecutable(file))).toEqual([]);
  });

  test("start with a shebang", () => {
    expect(phaseScripts.filter((file) => !/^#!\/\S+/.test(read(file)))).toEqual([]);
  });

  test("are named with two digits, a dash and no dot", () => {
    expect(phaseScripts.filter((file) => !/^\d\d-[A-Za-z0-9_-]+$/.test(basename(file)))).toEqual([]);
  });
});

describe("programs and environment files", () => {
  test("a program that starts with a shebang is executable", () => {
    expect(programs.filter((file) => !isExecutable(file))).toEqual([]);
  });

  test("environment.d files are read, not run: they are not executable", () => {
    expect(environment.filter(isExecutable)).toEqual([]);
  });

  test("lines end with LF only", () => {
    const crlf = [...phaseScripts, ...programs, ...environment].filter((file) => read(file).includes("\r"));
    expect(crlf).toEqual([]);
  });
});

test("what asks sudo for root keeps PATH, proxies and DIB's variables, and no more", async () => {
  const asUser = `id() { echo 1000; }; . scripts/raise </dev/null; printf '%s\\n' "\${raise[@]}"`;
  const raised = async (env: Readonly<Record<string, string>>) =>
    (await createExec()("bash", ["-c", asUser], { cwd: root, env: { PATH: "/usr/bin:/bin", ...env } })).stdout
      .trim()
      .split("\n");
  const kept = { DIB_RELEASE: "trixie", TMPDIR: "/tmp", http_proxy: "http://p", NO_PROXY: "x", OTHER: "1" };
  expect(await raised(kept)).toEqual([
    ...["sudo", "-n", "--preserve-env=DIB_RELEASE,NO_PROXY,TMPDIR,http_proxy"],
    ...["env", "PATH=/usr/bin:/bin"],
  ]);
  expect(await raised({})).toEqual(["sudo", "-n", "env", "PATH=/usr/bin:/bin"]);
});

test("the test command runs every project of vitest's config that is there without being named", () => {
  const config = read("vitest.config.ts");
  const projects = [...config.matchAll(/^ {6}project\("(\w+)"/gm)].map(([, name]) => name);
  const run = [...read("scripts/test").matchAll(/--project (\w+)/g)].map(([, name]) => name);
  expect(projects.length).toBeGreaterThan(6);
  expect(run.sort()).toEqual(projects.sort());
});
