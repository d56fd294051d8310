import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { openProject } from "@dibjs/cli/packages/project.js";
import { tempFolder } from "../../../support/temp-folder.js";

const cases: readonly (readonly [what: string, files: Readonly<Record<string, string>>, manager: string])[] = [
  ["nothing", {}, "npm"],
  ["a package.json alone", { "package.json": "{}" }, "npm"],
  ["npm's lock file", { "package-lock.json": "{}" }, "npm"],
  ["pnpm's lock file", { "pnpm-lock.yaml": "lockfileVersion: '9.0'\n" }, "pnpm"],
  ["yarn's lock file", { "yarn.lock": "# yarn lockfile v1\n" }, "yarn"],
  ["a later yarn's lock file", { "yarn.lock": "__metadata:\n  version: 8\n" }, "yarn 2+"],
  ["the field packageManager", { "package.json": '{ "packageManager": "pnpm@10.34.9+sha512.ab" }' }, "pnpm"],
  [
    "the field against a lock file",
    { "package.json": '{ "packageManager": "yarn@4.1.0" }', "package-lock.json": "{}" },
    "yarn 2+",
  ],
];

describe("the package manager of a project is told by", () => {
  test.each(cases)("%s", async (_, files, manager) => {
    await using folder = await tempFolder();
    for (const [name, text] of Object.entries(files)) await writeFile(join(folder.path, name), text);
    const project = await openProject(folder.path);
    expect({ folder: project.folder, manager: project.manager.name }).toEqual({ folder: folder.path, manager });
  });
});

test("a member of a workspace has the manager, and the lock file, of its root", async () => {
  await using root = await tempFolder();
  const member = join(root.path, "packages/member");
  await mkdir(join(member, "src"), { recursive: true });
  await writeFile(join(root.path, "package.json"), '{ "workspaces": ["packages/*"] }');
  await writeFile(join(root.path, "yarn.lock"), "");
  await writeFile(join(member, "package.json"), "{}");
  expect(await openProject(join(member, "src"))).toMatchObject({
    folder: member,
    root: root.path,
    manager: { name: "yarn" },
  });
});

test("a package.json that can't be read is told with its place, but not one of a project around it", async () => {
  await using root = await tempFolder();
  const inner = join(root.path, "inner");
  await mkdir(inner);
  await writeFile(join(root.path, "package.json"), '{ "name": "x", }');
  await writeFile(join(inner, "package.json"), "\uFEFF{}");
  await expect(openProject(root.path)).rejects.toMatchObject({
    code: "CONFIG_UNREADABLE",
    context: { place: { file: join(root.path, "package.json") } },
  });
  expect(await openProject(inner)).toMatchObject({ folder: inner, root: inner });
});

test("a package manager that dib does not know is refused: MANAGER_UNSUPPORTED", async () => {
  await using folder = await tempFolder();
  for (const packageManager of ["bun@1.2.3", "cargo", 7]) {
    await writeFile(join(folder.path, "package.json"), JSON.stringify({ packageManager }));
    await expect(openProject(folder.path)).rejects.toMatchObject({ code: "MANAGER_UNSUPPORTED" });
  }
});
