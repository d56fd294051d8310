/** Commands that look at a project's element packages and change nothing. */
import { afterAll, beforeAll, expect, test } from "vitest";
import type { PackageFixture } from "../../support/build-fixture.js";
import { runDib } from "../../support/dib.js";
import { codesOf, packageProject, publishElement, type PackageProject } from "../../support/package-project.js";
import { startRegistry, type Registry } from "../../support/registry.js";
import { searchStub } from "../../support/search-stub.js";

let registry: Registry;
let project: PackageProject;

const publish = (name: string, written?: PackageFixture) => publishElement(registry, name, written);

beforeAll(async () => {
  registry = await startRegistry();
  await publish("lib");
  const needs = { peers: { "dib-element-lib": "^1.0.0" }, requires: { lib: "^1.0.0" } };
  await publish("one", needs);
  await publish("outer", { peers: { "dib-element-one": ">=1" }, requires: { one: "*" } });
  project = await packageProject(registry, "npm");
  await project.dib(["add", "one", "outer"]);
  await publish("lib", { version: "1.2.0" });
  await publish("lib", { version: "2.0.0" });
  await project.write("dib.config.yaml", "elements: [outer]\nbase: false\n");
});
afterAll(async () => {
  await project[Symbol.asyncDispose]();
  await registry[Symbol.asyncDispose]();
});

const dataOf = ({ stdout }: { stdout: string }) => (JSON.parse(stdout) as { data: unknown }).data;

test("dib why shows every path that brings an element: by packages and by elements, with ranges", async () => {
  const { stdout, exitCode } = await project.dib(["why", "lib"]);
  expect({ exitCode, stdout }).toEqual({
    exitCode: 0,
    stdout: [
      "lib 1.0.0 from dib-element-lib",
      "Packages",
      "  this project → dib-element-one@1.0.0 (^1.0.0) → dib-element-lib@1.0.0 (^1.0.0)",
      "  this project → dib-element-outer@1.0.0 (^1.0.0) → dib-element-one@1.0.0 (>=1) → dib-element-lib@1.0.0 (^1.0.0)",
      "Elements",
      "  image image → outer@1.0.0 → one@1.0.0 → lib@1.0.0 (^1.0.0)",
      "",
    ].join("\n"),
  });
  expect(dataOf(await project.dib(["why", "dib-element-lib", "--json"]))).toMatchObject({
    package: "dib-element-lib",
    elements: ["lib"],
    elementPaths: [[{ name: "image image" }, { name: "outer" }, { name: "one" }, { name: "lib", range: "^1.0.0" }]],
  });
  const unknown = await project.dib(["why", "libb", "--json"]);
  expect({ exitCode: unknown.exitCode, codes: codesOf(unknown) }).toEqual({
    exitCode: 2,
    codes: ["PACKAGE_NOT_INSTALLED"],
  });
});

test("dib elements --tree shows images and what is below them, and where each element is from", async () => {
  expect((await project.dib(["elements", "--tree"])).stdout).toBe(
    [
      "image image",
      "└─ outer 1.0.0  dib-element-outer",
      "   └─ one 1.0.0  dib-element-one",
      "      └─ lib 1.0.0 (^1.0.0)  dib-element-lib",
      "",
    ].join("\n"),
  );
  expect(dataOf(await project.dib(["elements", "--tree", "--json"]))).toMatchObject({
    roots: ["image image"],
    nodes: [
      { name: "image image", asks: [{ name: "outer", range: "*" }] },
      { name: "outer", version: "1.0.0", package: "dib-element-outer" },
      { name: "one" },
      { name: "lib", asks: [] },
    ],
  });
});

test("dib outdated gives what is installed, what dib update would give, and the newest; 1 when something is behind", async () => {
  const behind = await project.dib(["outdated"]);
  expect({ exitCode: behind.exitCode, stdout: behind.stdout }).toEqual({
    exitCode: 1,
    stdout: "Package          Current  Wanted  Latest\ndib-element-lib  1.0.0    1.2.0   2.0.0\n",
  });
  const outer = await project.dib(["outdated", "outer"]);
  expect({ exitCode: outer.exitCode, stdout: outer.stdout }).toEqual({ exitCode: 0, stdout: "" });
  expect(outer.stderr).toContain("1 of 1 packages are known to the registry, and none is behind");
  const current = await project.dib(["outdated", "outer", "--json"]);
  expect({ exitCode: current.exitCode, data: dataOf(current) }).toEqual({
    exitCode: 0,
    data: {
      packages: [
        { package: "dib-element-outer", current: "1.0.0", wanted: "1.0.0", latest: "1.0.0", isOutdated: false },
      ],
    },
  });
});

test("dib search asks the configured registry for the keyword and the words", async () => {
  await using stub = await searchStub([
    { name: "dib-element-motd", version: "1.2.3", description: "Says \x1b]0;hello\x07hello at login" },
  ]);
  const env = { ...registry.env, npm_config_registry: stub.url };
  const { exitCode, stdout } = await runDib(["search", "motd", "login"], { cwd: project.folder, env });
  expect({ exitCode, stdout }).toEqual({ exitCode: 0, stdout: "dib-element-motd  1.2.3  Says hello at login\n" });
  expect(stub.asked[0]).toBe("keywords:dib-element motd login");
  expect(dataOf(await runDib(["search", "--json"], { cwd: project.folder, env }))).toMatchObject({
    packages: [{ name: "dib-element-motd", version: "1.2.3" }],
  });
});
