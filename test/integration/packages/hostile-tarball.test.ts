/** A tarball that tries to reach beyond its package, published as it is, and unpacked by each client. */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { anElement } from "../../support/build-fixture.js";
import { codesOf, packageProject } from "../../support/package-project.js";
import { startRegistry, type Registry } from "../../support/registry.js";
import { tempFolder } from "../../support/temp-folder.js";

let registry: Registry;

beforeAll(async () => {
  registry = await startRegistry();
  await using temp = await tempFolder();
  const folder = anElement("evil").script("install.d/10-evil").writeAsPackage(temp.path);
  mkdirSync(join(folder, "static"));
  symlinkSync("/etc", join(folder, "static/etc"));
  symlinkSync("../../../../..", join(folder, "install.d/20-up"));
  writeFileSync(join(folder, "escaped"), "escaped");
  const tarball = join(temp.path, "evil.tgz");
  const names = ["s,^\\./escaped$,package/../../escaped,", "s,^\\.,package,"].flatMap((rule) => ["--transform", rule]);
  execFileSync("tar", ["-P", "-czf", tarball, ...names, "-C", folder, "."]);
  expect(execFileSync("tar", ["-P", "-tzf", tarball]).toString()).toContain("package/../../escaped\n");
  await registry.run("npm", ["publish", tarball], temp.path);
});
afterAll(() => registry[Symbol.asyncDispose]());

test.each(["npm", "pnpm"] as const)(
  "%s leaves links out, and nothing is written beside the package",
  async (client) => {
    await using project = await packageProject(registry, client);
    const added = await project.dib(["add", "evil"]);
    expect(added.exitCode, added.stderr).toBe(0);
    const modules = join(project.folder, "node_modules");
    const installed = join(modules, "dib-element-evil");
    expect(readdirSync(join(installed, "install.d"))).toEqual(["10-evil"]);
    expect(existsSync(join(installed, "static"))).toBe(false);
    expect(readdirSync(dirname(project.folder))).toEqual(["project"]);
    expect(readdirSync(modules).filter((name) => !name.startsWith("."))).toEqual(["dib-element-evil"]);
  },
);

test("yarn refuses it, and the project is as it was", async () => {
  await using project = await packageProject(registry, "yarn");
  const before = await project.tree();
  const refused = await project.dib(["add", "evil", "--json"]);
  expect({ exitCode: refused.exitCode, codes: codesOf(refused) }).toEqual({ exitCode: 1, codes: ["MANAGER_FAILED"] });
  expect(refused.stdout).toContain("dib-element-evil");
  expect(await project.tree()).toEqual(before);
  expect(readdirSync(dirname(project.folder))).toEqual(["project"]);
});
