import { existsSync, linkSync, readFileSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { packElements } from "@dibjs/core/pack/pack.js";
import { packageNameOf } from "@dibjs/core/pack/package-name.js";
import type { PackedManifest } from "@dibjs/core/elements/packed-manifest.js";
import { createExec } from "@dibjs/core/process/exec.js";
import { expect, test } from "vitest";
import { motd, packageJson, writeElementPackage } from "../../../support/element-package.js";
import { tempFolder } from "../../../support/temp-folder.js";

const tools = { exec: createExec(), env: { PATH: process.env["PATH"] ?? "", HOME: "/nonexistent" } };
const pack = (folder: string) => packElements({ folder, ...tools });
const read = (folder: string) => JSON.parse(readFileSync(join(folder, "dib-manifest.json"), "utf8")) as PackedManifest;

test("what a tarball loses is written beside package.json", async () => {
  await using temp = await tempFolder();
  const element = motd().link("static/etc/motd", "/run/motd").folder("static/var/empty");
  const folder = writeElementPackage(temp.path, { element });
  expect(await pack(folder)).toMatchObject({
    name: "dib-element-motd",
    files: 1,
    links: 1,
    emptyFolders: 1,
    aside: [],
  });
  expect(read(folder).files.map(({ path, kind, executable }) => [path, kind, executable])).toEqual([
    ["elements/motd/install.d/50-motd", "file", true],
    ["elements/motd/static/etc/motd", "link", false],
    ["elements/motd/static/var/empty", "folder", false],
  ]);
});

test("a file whose name npm refuses is kept under another, where that is packed", async () => {
  await using temp = await tempFolder();
  const element = motd().file("static/root/.npmrc", "x=1\n");
  const files = ["elements", "dib-manifest.json", "dib-manifest.files"];
  const folder = writeElementPackage(temp.path, { element, json: { files } });
  expect((await pack(folder)).aside).toEqual(["elements/motd/static/root/.npmrc"]);
  const entry = read(folder).files.find(({ path }) => path.endsWith(".npmrc"));
  expect(readFileSync(join(folder, entry?.from ?? ""), "utf8")).toBe("x=1\n");
});

test.each([
  ["lies outside of files", { json: { files: ["dib-manifest.json"] } }, "elements/motd/install.d/50-motd"],
  [
    "has a name that npm refuses, and nothing takes its copy",
    { element: motd().file("static/root/.npmrc", "x") },
    "elements/motd/static/root/.npmrc",
  ],
  ["is junk to npm", { element: motd().file("static/a.orig", "x") }, "elements/motd/static/a.orig"],
  ["is setuid", { element: motd().file("bin/x", "#!/bin/sh\n", 0o4755) }, "elements/motd/bin/x"],
  [
    "has a twin in another Unicode form",
    { element: motd().file("static/\u00e9", "").file("static/e\u0301", "") },
    "elements/motd/static/\u00e9",
  ],
  ["is the manifest, and not in files", { json: { files: ["elements"] } }, "dib-manifest.json"],
  ["is the plugin, and not built", { json: { dib: { ...packageJson.dib, entry: "./dist/x.js" } } }, "./dist/x.js"],
  [
    "is the plugin, and not in files",
    { json: { dib: { ...packageJson.dib, entry: "./src/x.js" } }, extra: { "src/x.js": "" } },
    "src/x.js",
  ],
  ["is the manifest, and not named", { json: { dib: { ...packageJson.dib, manifest: undefined } } }, "package.json"],
])("a package is refused, and nothing written, when a file %s", async (_, change, file) => {
  await using temp = await tempFolder();
  const folder = writeElementPackage(temp.path, change);
  await expect(pack(folder)).rejects.toMatchObject({ code: "PACK_REFUSED", context: { file } });
  expect(["dib-manifest.json", "dib-manifest.files"].filter((name) => existsSync(join(folder, name)))).toEqual([]);
});

test("hard links and links that lead out of the package are refused", async () => {
  await using temp = await tempFolder();
  const folder = writeElementPackage(temp.path);
  symlinkSync("/etc/passwd", join(folder, "elements/motd/install.d/data"));
  await expect(pack(folder)).rejects.toMatchObject({ code: "ELEMENT_FILE_INVALID" });
  linkSync(join(folder, "elements/motd/install.d/50-motd"), join(folder, "elements/motd/install.d/60-motd"));
  await expect(pack(folder)).rejects.toMatchObject({ code: "SEVERAL_FINDINGS" });
});

test("a folder without an element package is refused, and one with a bad manifest", async () => {
  await using temp = await tempFolder();
  await expect(pack(temp.path)).rejects.toMatchObject({ code: "ELEMENT_PACKAGE_MISSING" });
  const folder = writeElementPackage(temp.path, { json: { dib: { apiVersion: 1, elements: { "../x": "." } } } });
  await expect(pack(folder)).rejects.toMatchObject({ code: "ELEMENT_MANIFEST_INVALID" });
});

test("a package.json that npm can't use is told with what npm says", async () => {
  await using temp = await tempFolder();
  const folder = writeElementPackage(temp.path, { json: { name: undefined } });
  await expect(pack(folder)).rejects.toMatchObject({ code: "PACK_LIST_FAILED", kind: "host" });
});

test.each([
  [{ element: "motd" }, "dib-element-motd"],
  [{ element: "Motd+x", scope: "acme" }, "@acme/dib-element-motd-plusx"],
  [{ element: "motd", scope: "@acme" }, "@acme/dib-element-motd"],
])("%o makes the package name %s", (named, expected) => {
  expect(packageNameOf(named, "test")).toBe(expected);
});

test.each(["", "../motd", "-rf", "a/b", "constructor", "a".repeat(129), "mo td"])(
  "%o is no element name",
  (element) => {
    expect(() => packageNameOf({ element }, "test")).toThrow(expect.objectContaining({ code: "ELEMENT_NAME_INVALID" }));
  },
);

test.each(["Acme", "..", "a/b", "", "a".repeat(214)])("%o is no scope", (scope) => {
  const make = () => packageNameOf({ element: "motd", scope }, "--scope");
  expect(make).toThrow(expect.objectContaining({ code: "PACKAGE_NAME_INVALID" }));
});
