import { chmodSync, cpSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { discoverElements } from "@dibjs/core/elements/discover.js";
import { loadElement } from "@dibjs/core/elements/load.js";
import { isUsable, readPackage } from "@dibjs/core/elements/package.js";
import { describePackage, formatPackedManifest, type PackedManifest } from "@dibjs/core/elements/packed-manifest.js";
import { describe, expect, test } from "vitest";
import { anElement } from "../../../support/build-fixture.js";
import { tempFolder } from "../../../support/temp-folder.js";

/** A package in its work tree, as its author has it. */
const source = () =>
  anElement("motd")
    .script("post-install.d/10-motd", "echo hello")
    .file("post-install.d/20-data", "no script")
    .file("bin/no-shebang", "echo", 0o755)
    .link("static/etc/motd", "/run/motd")
    .folder("static/var/empty")
    .file("elements/extra/install.d/10-extra", "#!/bin/sh\n", 0o755);
const manifest = { elements: { motd: ".", extra: "elements/extra" }, manifest: "./dib-manifest.json" };

async function pack(folder: string): Promise<string> {
  const found = await readPackage(folder);
  if (found === undefined || !isUsable(found)) throw new Error("no package");
  return formatPackedManifest(await describePackage(found));
}

/** What a tarball leaves of it: no modes, no links, no empty folders. */
function unpack(from: string, project: string): string {
  const folder = join(project, "node_modules/dib-element-motd");
  mkdirSync(join(project, "node_modules"));
  cpSync(from, folder, { recursive: true, verbatimSymlinks: true });
  rmSync(join(folder, "static"), { recursive: true });
  for (const path of ["post-install.d/10-motd", "bin/no-shebang", "elements/extra/install.d/10-extra"])
    chmodSync(join(folder, path), 0o644);
  return folder;
}

async function load(project: string, name: string) {
  const { refs } = await discoverElements({ elementPaths: [], bundled: [], projectDir: project });
  const ref = refs.get(name);
  if (ref === undefined) throw new Error(`no element ${name}`);
  return loadElement(ref);
}

async function packedPackage(project: string): Promise<string> {
  const from = source().writeAsPackage(join(project, "src"), manifest);
  writeFileSync(join(from, "dib-manifest.json"), await pack(from));
  return unpack(from, project);
}

describe("dib-manifest.json", () => {
  test("gives an installed package its modes, links and empty folders back", async () => {
    await using temp = await tempFolder();
    await packedPackage(temp.path);
    expect(
      (await load(temp.path, "motd")).files.map(({ path, kind, executable, linkTarget }) => [
        path,
        kind,
        executable,
        linkTarget,
      ]),
    ).toEqual([
      ["bin/no-shebang", "file", true, undefined],
      ["post-install.d/10-motd", "file", true, undefined],
      ["post-install.d/20-data", "file", false, undefined],
      ["static/etc/motd", "link", false, "/run/motd"],
      ["static/var/empty", "folder", false, undefined],
    ]);
    expect((await load(temp.path, "extra")).files).toMatchObject([
      { path: "install.d/10-extra", executable: true, opening: "script" },
    ]);
  });

  test("is the same text for the same package, wherever it lies", async () => {
    await using temp = await tempFolder();
    const [one, other] = ["one", "other"].map((name) => source().writeAsPackage(join(temp.path, name), manifest)) as [
      string,
      string,
    ];
    expect(await pack(one)).toBe(await pack(other));
    expect(await pack(one)).not.toContain(temp.path);
  });

  test("does not mind being packed again over itself", async () => {
    await using temp = await tempFolder();
    const folder = source().writeAsPackage(temp.path, manifest);
    const first = await pack(folder);
    writeFileSync(join(folder, "dib-manifest.json"), first);
    expect(await pack(folder)).toBe(first);
  });

  test("a file that was changed or lost after packing is refused, all of them at once", async () => {
    await using temp = await tempFolder();
    const folder = await packedPackage(temp.path);
    writeFileSync(join(folder, "bin/no-shebang"), "rm -rf /");
    await expect(load(temp.path, "motd")).rejects.toMatchObject({
      code: "ELEMENT_FILE_INVALID",
      context: { element: "motd", file: "bin/no-shebang" },
    });
    rmSync(join(folder, "post-install.d/20-data"));
    await expect(load(temp.path, "motd")).rejects.toMatchObject({ code: "SEVERAL_FINDINGS" });
  });

  test.each(["/etc/passwd", "../../../../etc/passwd"])(
    "a link to %s that it names among the scripts leads out of the element and is refused",
    async (linkTarget) => {
      await using temp = await tempFolder();
      const file = join(await packedPackage(temp.path), "dib-manifest.json");
      const packed = JSON.parse(readFileSync(file, "utf8")) as PackedManifest;
      const link = { path: "post-install.d/30-out", kind: "link", executable: false, digest: "", linkTarget } as const;
      writeFileSync(file, JSON.stringify({ ...packed, files: [...packed.files, link] }));
      await expect(load(temp.path, "motd")).rejects.toMatchObject({
        code: "ELEMENT_FILE_INVALID",
        context: { element: "motd", file: "post-install.d/30-out" },
      });
    },
  );

  test("in a linked package is not read: a work tree has its modes, and may have changed since", async () => {
    await using temp = await tempFolder();
    const from = source().writeAsPackage(join(temp.path, "src"), manifest);
    writeFileSync(join(from, "dib-manifest.json"), await pack(from));
    writeFileSync(join(from, "post-install.d/20-data"), "changed");
    mkdirSync(join(temp.path, "node_modules"));
    symlinkSync(from, join(temp.path, "node_modules/dib-element-motd"));
    const { files } = await load(temp.path, "motd");
    expect(files.map(({ path }) => path)).toContain("static/etc/motd");
  });

  test.each([
    "{",
    "[]",
    '{ "version": 2, "files": [] }',
    '{ "version": 1, "files": [{ "path": "../x", "kind": "file", "executable": true, "digest": "" }] }',
  ])("that is %s is refused", async (text) => {
    await using temp = await tempFolder();
    writeFileSync(join(await packedPackage(temp.path), "dib-manifest.json"), text);
    await expect(load(temp.path, "motd")).rejects.toMatchObject({ code: "ELEMENT_MANIFEST_INVALID" });
  });

  test("without it the content says what is a script", async () => {
    await using temp = await tempFolder();
    rmSync(join(await packedPackage(temp.path), "dib-manifest.json"));
    const { files } = await load(temp.path, "motd");
    expect(files.filter(({ executable }) => executable).map(({ path }) => path)).toEqual(["post-install.d/10-motd"]);
  });
});
