/** A dib that was killed in the middle of a change, and those that come after it. */
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { resultOf, startDib } from "../../support/dib.js";
import { spoil } from "../../support/faulty-registry.js";
import { packageProject, publishElement, type PackageProject } from "../../support/package-project.js";
import { descendants, isRunning } from "../../support/process-tree.js";
import { startRegistry, type Registry } from "../../support/registry.js";

let registry: Registry;

beforeAll(async () => {
  registry = await startRegistry();
  await publishElement(registry, "lib");
  await publishElement(registry, "motd");
});
afterAll(() => registry[Symbol.asyncDispose]());

/** Gives the processes that were below it. */
async function killInChange({ folder }: PackageProject) {
  await using spoilt = await spoil(registry, (path) => (path.endsWith(".tgz") ? { hangs: true } : undefined));
  const child = startDib(["add", "dib-element-motd"], { cwd: folder, env: spoilt.env });
  await Promise.race([spoilt.hung, resultOf(child)]);
  const below = descendants(child.pid ?? 0);
  child.kill("SIGKILL");
  // The registry goes with this block: it must not be what ends the package manager.
  await vi.waitFor(() => expect(below.filter(({ pid }) => isRunning(pid))).toEqual([]), { timeout: 5000 });
  return below;
}

test.each(["npm", "pnpm", "yarn"] as const)("%s ends with the dib that is killed", async (client) => {
  await using project = await packageProject(registry, client);
  expect((await killInChange(project)).map(({ command }) => command).join("\n")).toContain("dib-element-motd");
});

test("commands that read warn of a change that was cut off; the next that changes undoes it before it looks", async () => {
  await using project = await packageProject(registry, "npm");
  await project.dib(["add", "dib-element-lib"]);
  await killInChange(project);
  await rm(join(project.folder, "node_modules/dib-element-lib"), { recursive: true });
  const readers = [
    ["plan", "debian"],
    ["build", "no-such-element"],
    ["audit"],
    ["outdated"],
    ["why", "base"],
    ["approve"],
  ];
  for (const command of readers)
    expect({ command, stderr: (await project.dib(command)).stderr }).toEqual({
      command,
      stderr: expect.stringContaining(`the packages of ${project.folder} are half changed`) as string,
    });
  const removed = await project.dib(["remove", "lib"]);
  expect(removed, removed.stderr).toMatchObject({ exitCode: 0, stdout: "- dib-element-lib 1.0.0\n" });
  expect(removed.stderr).toContain("an earlier change was cut off");
  expect((await project.dib(["plan", "debian"])).stderr).not.toContain("half changed");
});

test.each(["update", "approve"])("dib %s undoes it too", async (command) => {
  await using project = await packageProject(registry, "npm");
  await project.dib(["add", "dib-element-lib"]);
  const before = await project.tree();
  await killInChange(project);
  const told = await project.dib([command, "nothing"]);
  expect(told.stderr).toContain("an earlier change was cut off");
  expect(await project.tree()).toEqual(before);
});
