/** Members of workspaces, whose packages npm and yarn put into the node_modules of the root. */
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { runDib, type DibResult } from "../../support/dib.js";
import type { Client } from "../../support/package-managers.js";
import { codesOf, packageProject, publishElement, type PackageProject } from "../../support/package-project.js";
import { startRegistry, type Registry } from "../../support/registry.js";

let registry: Registry;

beforeAll(async () => {
  registry = await startRegistry();
  await publishElement(registry, "lib");
  await publishElement(registry, "one", { peers: { "dib-element-lib": "^1.0.0" } });
  await publishElement(registry, "lib", { version: "2.0.0" });
  await publishElement(registry, "two", { peers: { "dib-element-lib": "^2.0.0" } });
  await publishElement(registry, "canary", { scripts: { postinstall: "touch canary" } });
});
afterAll(() => registry[Symbol.asyncDispose]());

interface Workspace extends PackageProject {
  /** In the folder of the member. */
  inMember(...args: readonly string[]): Promise<DibResult>;
}

async function openWorkspace(client: Client): Promise<Workspace> {
  const project = await packageProject(registry, client);
  const member = join(project.folder, "packages/member");
  await mkdir(member, { recursive: true });
  await project.write("packages/member/package.json", { name: "member", version: "1.0.0", private: true });
  await project.write("package.json", { ...(await project.json("package.json")), workspaces: ["packages/*"] });
  if (client === "pnpm") await project.write("pnpm-workspace.yaml", "packages: ['packages/*']\n");
  return { ...project, inMember: (...args) => runDib(args, { cwd: member, env: registry.env }) };
}

describe.each(["npm", "pnpm", "yarn"] as const)("a member of a workspace of %s", (client) => {
  test("gets packages, and is told by which paths and who disagrees, as any project", async () => {
    await using workspace = await openWorkspace(client);
    await registry.run(client, ["install"], workspace.folder);
    const added = await workspace.inMember("add", "dib-element-one", "dib-element-lib@1.0.0");
    expect({ exitCode: added.exitCode, stdout: added.stdout }, added.stderr).toEqual({
      exitCode: 0,
      stdout: "+ dib-element-lib 1.0.0\n+ dib-element-one 1.0.0\n",
    });
    expect(await workspace.json("packages/member/package.json")).toMatchObject({
      dependencies: { "dib-element-one": "^1.0.0" },
    });
    expect((await workspace.inMember("why", "lib")).stdout).toContain(
      "  this project → dib-element-one@1.0.0 (^1.0.0) → dib-element-lib@1.0.0 (^1.0.0)\n",
    );
    const before = await workspace.tree();
    const refused = await workspace.inMember("add", "dib-element-two");
    expect(refused.stderr).toMatch(/^ {2}\^1\.0\.0 {2}asked for by this project → dib-element-one@1\.0\.0$/m);
    expect(await workspace.tree()).toEqual(before);
    expect(await workspace.inMember("remove", "one")).toMatchObject({
      exitCode: 0,
      stdout: "- dib-element-one 1.0.0\n",
    });
  });
});

test("the policy of a workspace holds in its members, whatever they do, and takes their approvals", async () => {
  await using workspace = await openWorkspace("npm");
  await workspace.write("dib.policy.json", { minimumReleaseAge: 60, minimumReleaseAgeExclude: ["dib-element-canary"] });
  const refused = await workspace.inMember("add", "dib-element-lib", "--json");
  expect({ exitCode: refused.exitCode, codes: codesOf(refused) }).toEqual({ exitCode: 6, codes: ["RELEASE_TOO_NEW"] });

  expect((await workspace.inMember("add", "dib-element-canary")).exitCode).toBe(0);
  expect((await workspace.inMember("approve", "canary")).exitCode).toBe(0);
  expect(await workspace.json("dib.policy.json")).toMatchObject({
    minimumReleaseAge: 60,
    approved: { "dib-element-canary@1.0.0": expect.stringMatching(/^sha512-/) as string },
  });

  await workspace.write("dib.policy.json", "{ registries: }");
  for (const command of [["add", "lib"], ["audit"], ["plan", "debian"]]) {
    const told = await workspace.inMember(...command, "--json");
    expect({ command, codes: codesOf(told) }).toEqual({ command, codes: ["POLICY_INVALID"] });
  }
});

test("a package.json that can't be read is named: CONFIG_UNREADABLE", async () => {
  await using workspace = await openWorkspace("npm");
  await workspace.write("packages/member/package.json", '{ "name": "x", }');
  const before = await workspace.tree();
  const told = await workspace.inMember("add", "dib-element-lib", "--json");
  expect({ exitCode: told.exitCode, codes: codesOf(told) }).toEqual({ exitCode: 2, codes: ["CONFIG_UNREADABLE"] });
  expect(told.stderr).toContain(join(workspace.folder, "packages/member/package.json"));
  expect(await workspace.tree()).toEqual(before);
});
