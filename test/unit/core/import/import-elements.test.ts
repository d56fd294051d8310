import { chmodSync, existsSync, lstatSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { ElementRelations } from "@dibjs/core/elements/element.js";
import { importElements } from "@dibjs/core/import/import-elements.js";
import { lintElements } from "@dibjs/core/lint/lint.js";
import { makePackageFolder } from "@dibjs/core/pack/new-folder.js";
import { createExec } from "@dibjs/core/process/exec.js";
import { describe, expect, test } from "vitest";
import { anElement } from "../../../support/build-fixture.js";
import { tempFolder } from "../../../support/temp-folder.js";

const tools = { exec: createExec(), env: { PATH: process.env["PATH"] ?? "", HOME: "/nonexistent" } };

const packaged = (name: string, more: Partial<ElementRelations> = {}): [string, ElementRelations] => [
  name,
  {
    ...{ name, folder: "/known", source: "bundled", version: "1.2.0", provides: [], dependencies: [] },
    package: { name: "@dibjs/element-base", folder: "/known", manifest: { apiVersion: 1, elements: {} }, sees: {} },
    ...more,
  },
];
const known = new Map([
  packaged("base"),
  packaged("package-installs"),
  packaged("debian", { provides: ["operating-system"] }),
]);

const script = "set -euo pipefail\n# DIB_DEBUG_TRACE";
const motd = () =>
  anElement("motd")
    .dependsOn("base", "operating-system")
    .provides("message")
    .file("README.rst", "Motd\n====\n\nA message.\n")
    .script("install.d/50-motd", script)
    .link("static/etc/motd", "/run/motd")
    .folder("static/var/empty")
    .file("tests/test_motd.py", "");
const importAll = (sources: readonly string[], into: string) =>
  importElements({ sources, into, scope: "acme", license: "Apache-2.0", known, ...tools });

describe("importing a folder that is an element of DIB", () => {
  test("makes a package that lints clean, with its modes, links and empty folders", async () => {
    await using temp = await tempFolder();
    const [imported] = await importAll([motd().writeTo(temp.path)], join(temp.path, "out"));
    const folder = join(temp.path, "out/dib-element-motd");
    expect(imported).toMatchObject({ name: "motd", package: "@acme/dib-element-motd", folder, files: 2 });
    expect((await lintElements({ folder, known, ...tools })).findings).toEqual([]);
    expect(lstatSync(join(folder, "elements/motd/install.d/50-motd")).mode & 0o777).toBe(0o755);
    expect(lstatSync(join(folder, "elements/motd/static/etc/motd")).isSymbolicLink()).toBe(true);
    expect(readdirSync(join(folder, "elements/motd"))).toEqual(["install.d", "static"]);
    expect(readdirSync(join(folder, "elements/motd/static/var"))).toEqual(["empty"]);
  });

  test("makes its manifest of element-deps and element-provides, with the versions that are there", async () => {
    await using temp = await tempFolder();
    await importAll([motd().writeTo(temp.path)], temp.path);
    expect(JSON.parse(readFileSync(join(temp.path, "dib-element-motd/package.json"), "utf8"))).toMatchObject({
      name: "@acme/dib-element-motd",
      description: "A message.",
      license: "Apache-2.0",
      dib: {
        elements: { motd: "./elements/motd" },
        provides: { motd: ["message"] },
        requires: { base: "^1.2.0", "operating-system": "*" },
      },
      peerDependencies: { "@dibjs/core": "^1.0.0", "@dibjs/element-base": "^1.2.0" },
      scripts: { prepack: "dib pack" },
    });
  });

  test("says what could not be mapped", async () => {
    await using temp = await tempFolder();
    const folder = anElement("base")
      .dependsOn("stranger")
      .file("package-installs.yaml", "curl:\n")
      .file("static/.hidden", "x")
      .file("tests/test_x.py", "")
      .script("install.d/50-x.sh", script)
      .script("install.d/50-x", script)
      .writeTo(temp.path);
    const [imported] = await importAll([folder], join(temp.path, "out"));
    expect(imported?.warnings).toEqual([
      "@dibjs/element-base has an element of this name: an image can have one of them only",
      "it needs the element stranger, and no package with it is known: import it too, or add its package",
      "static/.hidden is hidden: no image ever had it",
      "tests/ was left behind: it is for DIB's own test run",
      "elements/base/install.d/50-x.sh: script-name: would never run: names of scripts have letters, digits, _ and - only",
    ]);
    expect(readFileSync(join(temp.path, "out/dib-element-base/tox.ini"), "utf8")).toBe(
      "[dib-lint]\nignore = script-name\n",
    );
  });

  test("requires what its files are for", async () => {
    await using temp = await tempFolder();
    const folder = anElement("x").file("package-installs.yaml", "curl:\n").writeTo(temp.path);
    const [imported] = await importAll([folder], join(temp.path, "out"));
    expect(imported?.warnings).toEqual([
      "package-installs.yaml is for package-installs, which element-deps does not name: it is required now",
    ]);
    expect(readFileSync(join(temp.path, "out/dib-element-x/package.json"), "utf8")).toContain(
      '"package-installs": "^1.2.0"',
    );
  });

  test("elements that are imported together know each other", async () => {
    await using temp = await tempFolder();
    const sources = [anElement("a").dependsOn("b"), anElement("b").dependsOn("a")].map((each) =>
      each.writeTo(temp.path),
    );
    const imported = await importAll(sources, join(temp.path, "out"));
    expect(imported.map(({ warnings }) => warnings)).toEqual([[], []]);
    expect(readFileSync(join(temp.path, "out/dib-element-a/package.json"), "utf8")).toContain(
      '"@acme/dib-element-b": "^1.0.0"',
    );
  });

  test("makes all packages or none", async () => {
    await using temp = await tempFolder();
    const out = join(temp.path, "out");
    mkdirSync(join(out, "dib-element-b"), { recursive: true });
    writeFileSync(join(out, "dib-element-b/mine"), "");
    const sources = ["a", "b"].map((name) => anElement(name).script("install.d/5-x", script).writeTo(temp.path));
    await expect(importAll(sources, out)).rejects.toMatchObject({ code: "PACKAGE_FOLDER_NOT_EMPTY" });
    expect(readdirSync(out)).toEqual(["dib-element-b"]);
  });

  test("that is interrupted leaves nothing behind", async () => {
    await using temp = await tempFolder();
    const sources = ["a", "b"].map((name) => anElement(name).script("install.d/5-x", script).writeTo(temp.path));
    const interrupt = new AbortController();
    let packs = 0;
    const exec: typeof tools.exec = (file, ...rest) => {
      if (file === "npm" && ++packs === 2) interrupt.abort("SIGINT"); // in the second package
      return tools.exec(file, ...rest);
    };
    const into = join(temp.path, "out");
    const importing = importElements({ sources, into, known, ...tools, exec, signal: interrupt.signal });
    await expect(importing).rejects.toMatchObject({ code: "BUILD_INTERRUPTED", context: { signal: "SIGINT" } });
    expect([packs, existsSync(into) ? readdirSync(into) : []]).toEqual([2, []]);
  });

  test.each([
    ["is not there", () => {}],
    ["is a file", (path: string) => writeFileSync(path, "")],
    ["has nothing of an element", (path: string) => mkdirSync(join(path, "sub"), { recursive: true })],
    ["holds elements", (path: string) => void motd().writeTo(path)],
    ["is a package already", (path: string) => void motd().writeAsPackage(join(path, ".."), { package: "x" })],
  ])("that %s is refused", async (_, make) => {
    await using temp = await tempFolder();
    make(join(temp.path, "x"));
    await expect(importAll([join(temp.path, "x")], join(temp.path, "out"))).rejects.toMatchObject({
      code: "IMPORT_SOURCE_INVALID",
    });
    expect(existsSync(join(temp.path, "out"))).toBe(false);
  });
});

describe("a new folder", () => {
  test("that can't be filled leaves nothing behind, and not the folders above it", async () => {
    await using temp = await tempFolder();
    const fill = async (staging: string) => {
      writeFileSync(join(staging, "half"), "");
      throw new Error("stopped");
    };
    await expect(makePackageFolder(join(temp.path, "a/b/c"), fill)).rejects.toMatchObject({ message: "stopped" });
    expect(readdirSync(temp.path)).toEqual([]);
  });

  test("that is there and empty is filled, and stays the same folder", async () => {
    await using temp = await tempFolder();
    const { ino } = lstatSync(temp.path);
    await makePackageFolder(temp.path, async (staging) => writeFileSync(join(staging, "file"), ""));
    expect(readdirSync(temp.path)).toEqual(["file"]);
    expect(lstatSync(temp.path).ino).toBe(ino);
  });

  test("below a file can't be made", async () => {
    await using temp = await tempFolder();
    writeFileSync(join(temp.path, "file"), "");
    const make = makePackageFolder(join(temp.path, "file/x"), async () => {});
    await expect(make).rejects.toMatchObject({ code: "PACKAGE_FOLDER_UNWRITABLE", kind: "host" });
  });

  test("has the mode that folders have", async () => {
    await using temp = await tempFolder();
    chmodSync(temp.path, 0o755);
    await makePackageFolder(join(temp.path, "x"), async () => {});
    expect(lstatSync(join(temp.path, "x")).mode & 0o777 & ~process.umask()).toBe(0o777 & ~process.umask());
  });
});
