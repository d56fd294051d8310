/** What an element has arrives, whichever client packs and whichever installs. */
import { mkdirSync, readdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { discoverElements, loadElement } from "@dibjs/core";
import { expect, test } from "vitest";
import { motd, writeElementPackage } from "../support/element-package.js";
import { clients, runClient, type Publisher } from "../support/package-managers.js";
import { dibProgram } from "../support/dib.js";
import { tempFolder } from "../support/temp-folder.js";

const element = () =>
  motd()
    .file("install.d/60-no-shebang", "echo ran", 0o755)
    .file("install.d/data", "no script")
    .file("bin/private", "#!/bin/sh\n", 0o700)
    .file("static/root/.npmrc", "x=1\n")
    .file("static/etc/näme with spaces", "x")
    .link("install.d/70-linked", "../bin/private")
    .link("static/etc/motd", "/run/motd")
    .link("static/usr/lib64", "lib")
    .folder("static/var/empty");

const files = ["elements", "dib-manifest.json", "dib-manifest.files"];

/** The package in its work tree, with the dib that prepack finds. */
function writeSource(parent: string): string {
  const folder = writeElementPackage(parent, { element: element(), json: { files } });
  mkdirSync(join(folder, "node_modules/.bin"), { recursive: true });
  symlinkSync(dibProgram, join(folder, "node_modules/.bin/dib"));
  return folder;
}

const installArgs: Readonly<Record<Publisher, (tarball: string) => string[]>> = {
  npm: (tarball) => ["install", "--offline", "--ignore-scripts", "--legacy-peer-deps", "--no-audit", tarball],
  pnpm: (tarball) => ["add", "--offline", "--ignore-scripts", "--config.auto-install-peers=false", tarball],
};

async function packAndInstall(packer: Publisher, installer: Publisher, parent: string): Promise<string> {
  const source = writeSource(join(parent, "source"));
  await runClient(packer, ["pack"], source);
  const tarball = readdirSync(source).find((name) => name.endsWith(".tgz"));
  const project = join(parent, "project");
  mkdirSync(project);
  writeFileSync(join(project, "package.json"), '{ "name": "project", "version": "1.0.0", "private": true }');
  await runClient(installer, installArgs[installer](join(source, tarball ?? "")), project);
  return project;
}

async function installedFiles(projectDir: string) {
  const { refs } = await discoverElements({ elementPaths: [], bundled: [], projectDir });
  const ref = refs.get("motd");
  if (ref === undefined) throw new Error("the element did not arrive");
  return (await loadElement(ref)).files;
}

test.each(clients.flatMap((packer) => clients.map((installer) => [packer, installer] as const)))(
  "%s packs and %s installs: modes, links, empty folders and names are as in the work tree",
  async (packer, installer) => {
    await using temp = await tempFolder();
    const found = await installedFiles(await packAndInstall(packer, installer, temp.path));
    const shown = found.map(({ path, kind, executable, linkTarget }) => [path, kind, executable, linkTarget ?? ""]);
    expect(shown).toEqual([
      ["bin/private", "file", true, ""],
      ["install.d/50-motd", "file", true, ""],
      ["install.d/60-no-shebang", "file", true, ""],
      ["install.d/70-linked", "file", true, ""],
      ["install.d/data", "file", false, ""],
      ["static/etc/motd", "link", false, "/run/motd"],
      ["static/etc/näme with spaces", "file", false, ""],
      ["static/root/.npmrc", "file", false, ""],
      ["static/usr/lib64", "link", false, "lib"],
      ["static/var/empty", "folder", false, ""],
    ]);
  },
);
