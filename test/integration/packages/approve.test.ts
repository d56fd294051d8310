/** dib approve, where it does not come to an approval. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { codesOf, packageProject, publishElement } from "../../support/package-project.js";
import { startRegistry, type Registry } from "../../support/registry.js";

let registry: Registry;

beforeAll(async () => {
  registry = await startRegistry();
  await publishElement(registry, "needy", { scripts: { postinstall: "no-such-program" } });
});
afterAll(() => registry[Symbol.asyncDispose]());

test.each(["npm", "pnpm"] as const)(
  "with %s a package whose script fails, for want of a program, is not approved: MANAGER_FAILED with what it said",
  async (client) => {
    await using project = await packageProject(registry, client);
    await project.dib(["add", "needy"]);
    const failed = await project.dib(["approve", "needy", "--json"]);
    expect({ exitCode: failed.exitCode, codes: codesOf(failed) }).toEqual({ exitCode: 1, codes: ["MANAGER_FAILED"] });
    expect(failed.stderr).toMatch(/no-such-program: (command )?not found/);
    expect(failed.stderr).toContain("No approval was recorded");
    expect(failed.stderr).not.toContain("as it was");
    expect(existsSync(join(project.folder, "dib.policy.json"))).toBe(false);
  },
);

test.each(["yarn@1.22.22", "yarn@4.10.3"])("with %s nothing can be approved: MANAGER_UNSUPPORTED", async (manager) => {
  await using project = await packageProject(registry);
  await project.write("package.json", { private: true, packageManager: manager });
  await project.install("canary", { version: "1.0.0", scripts: { postinstall: "touch canary" } });
  const refused = await project.dib(["approve", "canary", "--json"]);
  expect({ exitCode: refused.exitCode, codes: codesOf(refused) }).toEqual({
    exitCode: 2,
    codes: ["MANAGER_UNSUPPORTED"],
  });
});

test("dib approve spells out what would hide a part of what it shows", async () => {
  await using project = await packageProject(registry, "npm");
  const postinstall = "fetch-evil\r\u001b[2Ktrue\n \u202eeurt";
  await project.install("sly", { version: "1.0.0\u001b[8m", scripts: { postinstall } });
  expect((await project.dib(["approve"])).stdout).toBe(
    "sly@1.0.0\\u{1b}[8m  not approved\n  postinstall: fetch-evil\\u{d}\\u{1b}[2Ktrue\\u{a} \\u{202e}eurt\n",
  );
});
