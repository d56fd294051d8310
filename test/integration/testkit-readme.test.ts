/** The examples of the testkit's README, run as somebody else's project would: by vitest and by node:test. */
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { runPhase, type FixtureTree } from "@dibjs/testkit";
import { createExec } from "@dibjs/core/process/exec.js";
import { anElement } from "../support/build-fixture.js";
import { tempFolder } from "../support/temp-folder.js";

const repository = fileURLToPath(new URL("../..", import.meta.url));
const exec = createExec();
let temp: Awaited<ReturnType<typeof tempFolder>>;
let project: string;

beforeAll(async () => {
  temp = await tempFolder();
  project = anElement("motd").writeAsPackage(temp.path);
  const readme = readFileSync(join(repository, "packages/testkit/README.md"), "utf8");
  writeFileSync(join(project, "tree.mjs"), `export default ${/^\{\n[\s\S]*?^\}/m.exec(readme)?.[0] ?? ""}`);
  for (const [, code = ""] of readme.matchAll(/^```\w+\n([\s\S]*?)^```/gm)) {
    const path = /^(?:\/\/|#) (\w+\.?\w*\/[\w.-]+)$/m.exec(code)?.[1];
    if (path === undefined) continue;
    mkdirSync(dirname(join(project, path)), { recursive: true });
    writeFileSync(join(project, path), code, { mode: code.startsWith("#!") ? 0o755 : 0o644 });
  }
  mkdirSync(join(project, "node_modules/@dibjs"), { recursive: true });
  for (const name of ["core", "testkit"])
    symlinkSync(join(repository, "packages", name), join(project, "node_modules/@dibjs", name));
  symlinkSync(join(repository, "node_modules/vitest"), join(project, "node_modules/vitest"));
});
afterAll(() => temp[Symbol.asyncDispose]());

const run = (...args: readonly string[]) =>
  exec(process.execPath, args, { cwd: project, env: { PATH: process.env.PATH ?? "", NO_COLOR: "1", HOME: project } });

test("the example with vitest passes", async () => {
  const { stdout, stderr } = await run("node_modules/vitest/vitest.mjs", "run", "--root", project, "test/motd.test.ts");
  expect(stdout + stderr).toMatch(/Tests +3 passed \(3\)/);
});

test("the example with node:test passes", async () => {
  const { stdout, stderr } = await run("--test", "--test-reporter=tap", "test/motd.test.mjs");
  expect(stdout + stderr).toMatch(/^# pass 1$[\s\S]*^# fail 0$/m);
});

test("the example of a tree is laid over the tiny one", async () => {
  const { default: files } = (await import(join(project, "tree.mjs"))) as { default: FixtureTree };
  const request = { element: "motd", phase: "install", project } as const;
  const { tree } = await runPhase({ ...request, tree: ["tiny", files] });
  expect(Object.keys(tree.deleted)).toEqual(["/etc/issue"]);
});
