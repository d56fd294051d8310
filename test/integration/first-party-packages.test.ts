/** Our own element packages are held to what is asked of everybody's. */
import { existsSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { createExec, discoverElements, lintElements, packElements, readRelations } from "@dibjs/core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { root } from "../house/source.js";
import { elementPackages as packages, folderOf, removeManifests } from "../support/first-party.js";
import { clients, runClient } from "../support/package-managers.js";
import { tempFolder } from "../support/temp-folder.js";

const tools = { exec: createExec(), env: { PATH: process.env["PATH"] ?? "", HOME: process.env["HOME"] ?? "/" } };

let known: NonNullable<Parameters<typeof lintElements>[0]["known"]>;
beforeAll(async () => {
  const { refs } = await discoverElements({ elementPaths: [], bundled: packages.map(folderOf), projectDir: root });
  known = new Map(
    await Promise.all([...refs.values()].map(async (ref) => [ref.name, await readRelations(ref)] as const)),
  );
});
afterAll(removeManifests);

describe.each(packages)("%s", (name) => {
  test("lints clean", async () => {
    expect((await lintElements({ folder: folderOf(name), known, ...tools })).findings).toEqual([]);
  });
});

test.each(clients)(
  "%s pack runs dib pack by itself, and every file of every element is in the tarball",
  async (client) => {
    await using temp = await tempFolder();
    const folder = folderOf("element-growroot");
    rmSync(join(folder, "dib-manifest.json"), { force: true });
    await runClient(client, ["pack", "--pack-destination", temp.path], folder);
    const [tarball] = readdirSync(temp.path);
    const { stdout } = await tools.exec("tar", ["-tzf", join(temp.path, tarball ?? "")]);
    expect(stdout.split("\n")).toEqual(
      expect.arrayContaining(["package/dib-manifest.json", "package/elements/growroot/post-install.d/80-growroot"]),
    );
  },
);

test("all of them can be packed", async () => {
  const reports = [];
  for (const name of packages) reports.push(await packElements({ folder: folderOf(name), ...tools }));
  expect(reports.flatMap(({ notes }) => notes)).toEqual([]);
  expect(packages.filter((name) => !existsSync(join(folderOf(name), "dib-manifest.json")))).toEqual([]);
});
