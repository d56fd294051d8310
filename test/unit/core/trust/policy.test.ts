import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { parsePolicy, readPolicy } from "@dibjs/core/trust/policy.js";
import { tempFolder } from "../../../support/temp-folder.js";

const integrity = `sha512-${"A".repeat(86)}==`;

test("a project without a policy file lets everything in, and only warns of signatures", async () => {
  await using project = await tempFolder();
  expect(await readPolicy(project.path)).toEqual({
    registries: {},
    minimumReleaseAge: 0,
    minimumReleaseAgeExclude: [],
    signatures: "warn",
    approved: {},
  });
});

test("the nearest policy holds, up to the root of the workspace and no further", async () => {
  await using top = await tempFolder();
  const root = join(top.path, "root");
  const member = join(root, "packages/member");
  await mkdir(member, { recursive: true });
  await writeFile(join(member, "package.json"), "{}");
  await writeFile(join(top.path, "dib.policy.json"), '{ "minimumReleaseAge": 1 }');
  const age = async () => (await readPolicy(member)).minimumReleaseAge;
  expect(await age()).toBe(0);
  await writeFile(join(root, "package.json"), '{ "workspaces": ["packages/*"] }');
  expect(await age()).toBe(0);
  await writeFile(join(root, "dib.policy.json"), '{ "minimumReleaseAge": 2 }');
  expect(await age()).toBe(2);
  await rm(join(root, "package.json"));
  expect(await age()).toBe(0);
  await writeFile(join(root, "pnpm-workspace.yaml"), "packages: []\n");
  expect(await age()).toBe(2);
  await writeFile(join(member, "dib.policy.json"), '{ "minimumReleaseAge": 3 }');
  expect(await age()).toBe(3);
});

test("what a policy says is taken, and the rest are the defaults", () => {
  const written = {
    registries: { "@acme": "https://registry.acme.example/npm" },
    minimumReleaseAge: 1440,
    minimumReleaseAgeExclude: ["dib-element-motd", "@acme/*"],
    approved: { "@acme/thing@1.2.3-rc.1": integrity },
  };
  expect(parsePolicy(JSON.stringify(written), "p")).toEqual({ ...written, signatures: "warn" });
});

describe("POLICY_INVALID, with the key, for", () => {
  const cases: readonly (readonly [what: string, written: string, key: string])[] = [
    ["no JSON", "{ registries", ""],
    ["an empty file", "", ""],
    ["a list", "[]", ""],
    ["an unknown key", '{ "minimumReleaseage": 5 }', ""],
    ["__proto__", '{ "__proto__": { "signatures": "off" } }', ""],
    ["an age that is no number", '{ "minimumReleaseAge": "1d" }', "minimumReleaseAge"],
    ["an age below zero", '{ "minimumReleaseAge": -1 }', "minimumReleaseAge"],
    ["a scope without @", '{ "registries": { "acme": "https://a.example" } }', "registries.acme"],
    ["__proto__ as a scope", '{ "registries": { "__proto__": "https://a.example" } }', "registries.__proto__"],
    ["a registry that is no URL", '{ "registries": { "@acme": "acme" } }', "registries.@acme"],
    ["a registry of files", '{ "registries": { "@acme": "file:///srv" } }', "registries.@acme"],
    ["a wish for signatures that there is not", '{ "signatures": true }', "signatures"],
    ["an approval without a version", `{ "approved": { "thing": "${integrity}" } }`, "approved.thing"],
    ["an approval of a range", `{ "approved": { "thing@^1.0.0": "${integrity}" } }`, "approved.thing@^1.0.0"],
    ["an approval without an integrity", '{ "approved": { "thing@1.0.0": "yes" } }', "approved.thing@1.0.0"],
    ["an exception that is a pattern", '{ "minimumReleaseAgeExclude": ["*"] }', "minimumReleaseAgeExclude.0"],
  ];

  test.each(cases)("%s", (_, written, key) => {
    expect(() => parsePolicy(written, "dib.policy.json")).toThrow(
      expect.objectContaining({
        code: "POLICY_INVALID",
        kind: "policy",
        context: expect.objectContaining({ file: "dib.policy.json", key }) as object,
      }),
    );
  });

  test("a file that can't be read", async () => {
    await using project = await tempFolder();
    await mkdir(join(project.path, "dib.policy.json"));
    await expect(readPolicy(project.path)).rejects.toMatchObject({ code: "POLICY_INVALID" });
    await using other = await tempFolder();
    await writeFile(join(other.path, "dib.policy.json"), Buffer.from([0xff, 0xfe, 0x7b, 0x00]));
    await expect(readPolicy(other.path)).rejects.toMatchObject({ code: "POLICY_INVALID" });
  });
});
