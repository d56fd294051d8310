import { linkSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { lintElements, type LintFinding } from "@dibjs/core/lint/lint.js";
import type { ElementRelations } from "@dibjs/core/elements/element.js";
import { createExec } from "@dibjs/core/process/exec.js";
import { describe, expect, test } from "vitest";
import { anElement, type ElementFixture } from "../../../support/build-fixture.js";
import { motd, packageJson, writeElementPackage } from "../../../support/element-package.js";
import { tempFolder } from "../../../support/temp-folder.js";

const tools = { exec: createExec(), env: { PATH: process.env["PATH"] ?? "", HOME: "/nonexistent" } };
const lint = (folder: string, known?: ReadonlyMap<string, ElementRelations>) =>
  lintElements({ folder, ...tools, ...(known === undefined ? {} : { known }) });
const told = ({ rule, file, line }: LintFinding) => [rule, file, line];
const good = "set -e\nset -u\nset -o pipefail\nif [ ${DIB_DEBUG_TRACE:-0} -gt 0 ]; then set -x; fi\n";

/** An element as DIB has it that no rule objects to. */
const plain = () => anElement("plain").file("README.rst", "Plain\n").script("install.d/50-plain", good);

/** What lint says of that element with one thing changed. */
async function findingsOf(
  change: (element: ElementFixture) => ElementFixture,
): Promise<(string | number | undefined)[][]> {
  await using temp = await tempFolder();
  return (await lint(change(plain()).writeTo(temp.path))).findings.map(told);
}

describe("a folder that is an element of DIB", () => {
  test("has no findings when it is right", async () => {
    expect(await findingsOf((element) => element)).toEqual([]);
  });

  const bash = (body: string) => `#!/bin/bash\n${good}${body}`;
  const script = "install.d/60-x";
  const cases: readonly [string, (element: ElementFixture) => ElementFixture, readonly unknown[]][] = [
    ["indent", (e) => e.file(script, bash("if true; then\n  true\nfi\n"), 0o755), ["indent", script, 7]],
    ["bash-path", (e) => e.file(script, `#!/usr/bin/env bash\n${good}`, 0o755), ["bash-path", script, 1]],
    ["sete", (e) => e.file(script, bash("").replace("set -e\n", ""), 0o755), ["sete", script, undefined]],
    ["setu", (e) => e.file(script, bash("").replace("set -u\n", ""), 0o755), ["setu", script, undefined]],
    [
      "setpipefail",
      (e) => e.file(script, bash("").replace("set -o pipefail\n", ""), 0o755),
      ["setpipefail", script, undefined],
    ],
    [
      "dibdebugtrace",
      (e) => e.file(script, "#!/bin/bash\nset -euo pipefail\n", 0o755),
      ["dibdebugtrace", script, undefined],
    ],
    ["executable", (e) => e.file("bin/x", bash("")), ["executable", "bin/x", undefined]],
    ["element-deps", (e) => e.file("element-deps", "b\n# why\n\na\n"), ["element-deps", "element-deps", 4]],
    [
      "environment-trace",
      (e) => e.file("environment.d/10-x", "set -x\n"),
      ["environment-trace", "environment.d/10-x", 1],
    ],
    [
      "environment-mode",
      (e) => e.file("environment.d/10-x", "export X=1\n", 0o755),
      ["environment-mode", "environment.d/10-x", undefined],
    ],
    ["export", (e) => e.file("environment.d/10-x", "A=1\nexport X=$(id)\n"), ["export", "environment.d/10-x", 2]],
    [
      "safe_sudo",
      (e) => e.file("root.d/10-x", bash("echo \\\n    | sudo tee /x\n"), 0o755),
      ["safe_sudo", "root.d/10-x", 6],
    ],
    ["which", (e) => e.file(script, bash("    which ls # really\n"), 0o755), ["which", script, 6]],
    ["tabindent", (e) => e.file(script, bash("\ttrue\n"), 0o755), ["tabindent", script, 6]],
    ["newline", (e) => e.file("README.rst", "a\nb"), ["newline", "README.rst", 2]],
    ["mddocs", (e) => e.file("notes.md", "# a\n"), ["mddocs", "notes.md", undefined]],
    ["yaml", (e) => e.file("package-installs.yaml", "a:\n  b: 1\n c: 2\n"), ["yaml", "package-installs.yaml", 3]],
    ["pkg-map", (e) => e.file("pkg-map", "{\n"), ["pkg-map", "pkg-map", undefined]],
    [
      "newline of a source repository",
      (e) => e.file("source-repository-x", "x git /x"),
      ["newline", "source-repository-x", 1],
    ],
    ["syntax", (e) => e.file("environment.d/10-x", "if true\n"), ["syntax", "environment.d/10-x", 2]],
    ["shebang", (e) => e.file(script, "echo\n", 0o755), ["shebang", script, 1]],
    [
      "script-name",
      (e) => e.file("install.d/60-x.sh", bash(""), 0o755),
      ["script-name", "install.d/60-x.sh", undefined],
    ],
    ["line-ends", (e) => e.file("environment.d/10-x", "A=1\nB=2\r\n"), ["line-ends", "environment.d/10-x", 2]],
    ["silent-phase", (e) => e.file("post-install.d/50-x", "echo\n"), ["silent-phase", "post-install.d", undefined]],
    [
      "name-twins",
      (e) => e.file("static/etc/A", "").file("static/etc/a", ""),
      ["name-twins", "static/etc/a", undefined],
    ],
    [
      "environment-name",
      (e) => e.file("environment.d/10 x", "A=1\n"),
      ["environment-name", "environment.d/10 x", undefined],
    ],
  ];
  test.each(cases)("that breaks %s is told so, with the place, and nothing else", async (_, change, expected) => {
    expect((await findingsOf(change)).filter(([rule]) => rule !== "shellcheck")).toEqual([expected]);
  });

  test("lacks a README", async () => {
    await using temp = await tempFolder();
    const folder = anElement("bare").script("install.d/50-x", good).writeTo(temp.path);
    expect((await lint(folder)).findings.map(told)).toEqual([["readme", ".", undefined]]);
  });

  test.each([
    ["which", "#!/bin/bash\n# dib-lint: disable=sete which\n" + good + "which ls\n"],
    ["which", "#!/bin/bash\n" + good + "which ls # dib-lint: which\n"],
    ["which", "#!/bin/bash\n" + good + "true # the one which is meant\n"],
    ["safe_sudo", "#!/bin/bash\n" + good + "sudo rm # dib-lint: safe_sudo\n"],
    ["safe_sudo", "#!/bin/bash\n" + good + "sudo rm $TARGET_ROOT/x\n"],
  ])("may break %s where it says that it is meant", async (_, text) => {
    expect(await findingsOf((element) => element.file("root.d/10-x", text, 0o755))).toEqual([]);
  });

  test("may break the rules that the tox.ini above it ignores", async () => {
    await using temp = await tempFolder();
    writeFileSync(join(temp.path, "tox.ini"), "[tox]\n\n[dib-lint]\nignore = sete which\n\n[flake8]\nignore = E1\n");
    const folder = plain().file("install.d/60-x", "#!/bin/bash\nset -uo pipefail\n", 0o755).writeTo(temp.path);
    expect((await lint(folder)).findings.map(({ rule }) => rule)).toEqual(["dibdebugtrace"]);
  });

  test("is found below a folder of elements, under its own name", async () => {
    await using temp = await tempFolder();
    plain().writeTo(temp.path);
    anElement("second").script("install.d/50-x", good).writeTo(temp.path);
    const { elements, findings } = await lint(temp.path);
    expect(elements).toEqual(["plain", "second"]);
    expect(findings).toMatchObject([{ rule: "readme", element: "second", file: "second" }]);
  });

  test("that is not there is an error, not a clean result", async () => {
    await using temp = await tempFolder();
    await expect(lint(join(temp.path, "nothing"))).rejects.toMatchObject({ code: "LINT_NOTHING_FOUND" });
  });
});

const knownElement = (name: string, needs: readonly string[] = [], from?: string): [string, ElementRelations] => [
  name,
  {
    ...{ name, folder: `/known/${name}`, source: "bundled", version: "1.0.0", provides: [] },
    dependencies: needs.map((needed) => ({ name: needed, range: "*" })),
    ...(from === undefined
      ? {}
      : { package: { name: from, folder: "/known", manifest: { apiVersion: 1 as const, elements: {} }, sees: {} } }),
  },
];

describe("what an element uses and does not name", () => {
  const known = new Map([
    knownElement("package-installs", ["pkg-map"]),
    knownElement("pkg-map"),
    knownElement("other"),
  ]);
  const files = () => plain().file("package-installs.yaml", "curl:\n").file("pkg-map", "{}\n");

  test("is told once for each element", async () => {
    await using temp = await tempFolder();
    const { findings } = await lint(files().dependsOn("other").writeTo(temp.path), known);
    expect(findings.map(told)).toEqual([
      ["undeclared", "package-installs.yaml", undefined],
      ["undeclared", "pkg-map", undefined],
    ]);
  });

  test("is fine when an element that it names brings it", async () => {
    await using temp = await tempFolder();
    expect((await lint(files().dependsOn("package-installs").writeTo(temp.path), known)).findings).toEqual([]);
  });

  test("is not guessed when an element on the way is not known", async () => {
    await using temp = await tempFolder();
    expect((await lint(files().dependsOn("stranger").writeTo(temp.path), known)).findings).toEqual([]);
  });
});

describe("a package", () => {
  const lintPackage = async (
    change: Parameters<typeof writeElementPackage>[1],
    known?: Map<string, ElementRelations>,
  ) => {
    await using temp = await tempFolder();
    return (await lint(writeElementPackage(temp.path, change), known)).findings.map(told);
  };

  test("has no findings when it is right", async () => {
    expect(await lintPackage({})).toEqual([]);
  });

  const without = (key: keyof typeof packageJson) => ({ json: { [key]: undefined } });
  test.each([
    ["keyword", without("keywords")],
    ["description", without("description")],
    ["prepack", without("scripts")],
    ["install-scripts", { json: { scripts: { prepack: "dib pack", postinstall: "echo" } } }],
    ["exports", { json: { exports: { ".": "./x.js" } } }],
    ["core-peer", without("peerDependencies")],
    ["packed-manifest", { json: { files: ["elements"] } }],
    ["packed-manifest", { json: { dib: { ...packageJson.dib, manifest: undefined } } }],
    ["manifest", { json: { dib: { ...packageJson.dib, cache: "no" } } }],
    ["element-peer", { json: { dib: { ...packageJson.dib, requires: { base: "^1.0.0" } } } }],
  ])("breaks %s", async (rule, change) => {
    const known = new Map([knownElement("base", [], "@dibjs/element-base")]);
    expect(await lintPackage(change, known)).toEqual([[rule, "package.json", undefined]]);
  });

  test("keeps npm's list of files complete", async () => {
    expect(await lintPackage({ json: { files: ["elements/motd/static", "dib-manifest.json"] } })).toEqual([
      ["packed", "elements/motd/install.d/50-motd", undefined],
    ]);
    const element = motd().file("static/x/.gitignore", "*.log\n").file("static/x/a.log", "a");
    expect(await lintPackage({ element })).toEqual([
      ["packed", "elements/motd/static/x/.gitignore", undefined],
      ["packed", "elements/motd/static/x/a.log", undefined],
    ]);
  });

  test("has a README with the five headings, its element's or its own", async () => {
    expect(await lintPackage({ extra: { "README.md": "# motd\n\n## Options\n" } })).toEqual([
      ["readme-headings", "README.md", undefined],
    ]);
    const element = motd().file("README.md", "# motd\n");
    expect(await lintPackage({ element })).toEqual([["readme-headings", "elements/motd/README.md", undefined]]);
  });

  test("has nothing that a tarball changes: hard links, setuid, links above the image's root", async () => {
    await using temp = await tempFolder();
    const element = motd().file("bin/tool", "#!/bin/sh\n", 0o4755).link("static/etc/x", "../../../x");
    const folder = writeElementPackage(temp.path, { element });
    const script = join(folder, "elements/motd/install.d/50-motd");
    linkSync(script, join(folder, "elements/motd/install.d/60-motd"));
    expect((await lint(folder)).findings.map(told)).toEqual([
      ["setuid", "elements/motd/bin/tool", undefined],
      ["hard-link", "elements/motd/install.d/50-motd", undefined],
      ["hard-link", "elements/motd/install.d/60-motd", undefined],
      ["link", "elements/motd/static/etc/x", undefined],
    ]);
  });

  test("without npm says what was not checked", async () => {
    await using temp = await tempFolder();
    const folder = writeElementPackage(temp.path);
    const { notes } = await lintElements({ folder, exec: tools.exec, env: { PATH: "/nonexistent" } });
    expect(notes).toContain("npm is not installed: whether it would pack every file was not checked");
    rmSync(folder, { recursive: true });
  });
});
