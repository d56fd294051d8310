/** The policy, with real package managers and a real registry. */
import { generateKeyPairSync, sign } from "node:crypto";
import { existsSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { PackageFixture } from "../../support/build-fixture.js";
import type { DibResult } from "../../support/dib.js";
import { spoil } from "../../support/faulty-registry.js";
import { codesOf, packageProject, publishElement } from "../../support/package-project.js";
import { startRegistry, type Registry } from "../../support/registry.js";

let registry: Registry;

const publish = (name: string, written?: PackageFixture) => publishElement(registry, name, written);

beforeAll(async () => {
  registry = await startRegistry();
  await publish("lib");
  await publish("motd", { package: "@acme/dib-element-motd" });
  await publish("user", { peers: { "@acme/dib-element-motd": "^1.0.0" } });
  await publish("canary", { scripts: { preinstall: "echo one >> canary", postinstall: "echo two >> canary" } });
  await publish("other-canary", { scripts: { install: "touch canary" } });
});
afterAll(() => registry[Symbol.asyncDispose]());

interface Check {
  readonly check: string;
  readonly result: string;
  readonly detail: string;
  readonly findings: readonly { readonly code: string }[];
}

const checkOf = ({ stdout }: DibResult, name: string) => {
  const { data } = JSON.parse(stdout) as { data: { checks: readonly Check[] } };
  const found = data.checks.find(({ check }) => check === name);
  return { result: found?.result, codes: found?.findings.map(({ code }) => code), detail: found?.detail };
};

test("a policy that can't be read refuses every command that changes, builds or approves: POLICY_INVALID", async () => {
  await using project = await packageProject(registry, "npm");
  await project.write("dib.policy.json", "{ registries: }");
  const before = await project.tree();
  const commands = [
    ["add", "lib"],
    ["update"],
    ["approve"],
    ["audit"],
    ["plan", "debian"],
    ["build", "debian", "--quiet"],
  ];
  for (const command of commands) {
    const { exitCode, stdout } = await project.dib([...command, "--json"]);
    const last = stdout.trimEnd().split("\n").at(-1) ?? "";
    const { errors } = JSON.parse(last) as { errors: { code: string }[] };
    expect({ command, exitCode, codes: errors.map(({ code }) => code) }).toEqual({
      command,
      exitCode: 6,
      codes: ["POLICY_INVALID"],
    });
  }
  expect(await project.tree()).toEqual(before);
});

describe.each(["npm", "pnpm"] as const)("with %s", (client) => {
  test("minimumReleaseAge refuses what was published a minute ago, and what it needs, unless it is let through", async () => {
    await using project = await packageProject(registry, client);
    await project.write("dib.policy.json", { minimumReleaseAge: 60, minimumReleaseAgeExclude: ["dib-element-user"] });
    const before = await project.tree();
    const refused = await project.dib(["add", "dib-element-user", "--json"]);
    expect({ exitCode: refused.exitCode, codes: codesOf(refused) }).toEqual({
      exitCode: 6,
      codes: ["RELEASE_TOO_NEW"],
    });
    expect(refused.stderr).toMatch(/@acme\/dib-element-motd@1\.0\.0 is refused: it was published \d+ minutes? ago/);
    expect(await project.tree()).toEqual(before);

    await using timeless = await spoil(registry, (path) =>
      path.startsWith("/dib-element-lib") && !path.endsWith(".tgz")
        ? { change: (body) => JSON.stringify({ ...(JSON.parse(body.toString()) as object), time: undefined }) }
        : undefined,
    );
    const untold = await project.dib(["add", "dib-element-lib", "--json"], timeless.env);
    expect({ exitCode: untold.exitCode, codes: codesOf(untold) }, untold.stderr).toEqual({
      exitCode: 6,
      codes: ["RELEASE_TOO_NEW"],
    });
    expect(untold.stderr).toContain("does not say when");

    await project.write("dib.policy.json", {
      minimumReleaseAge: 60,
      minimumReleaseAgeExclude: ["dib-element-user", "@acme/*"],
    });
    expect((await project.dib(["add", "dib-element-user"])).exitCode).toBe(0);
  });

  test("names of a bound scope are taken from its registry alone, also those that others bring", async () => {
    await using project = await packageProject(registry, client);
    await using empty = await startRegistry();
    await project.write("dib.policy.json", { registries: { "@acme": empty.url } });
    const before = await project.tree();
    const refused = await project.dib(["add", "dib-element-user", "--json"]);
    expect({ exitCode: refused.exitCode, codes: codesOf(refused) }, refused.stderr).toEqual({
      exitCode: 2,
      codes: ["PACKAGE_NOT_FOUND"],
    });
    expect(await project.tree()).toEqual(before);

    await project.write("dib.policy.json", { registries: { "@acme": registry.url } });
    expect((await project.dib(["add", "dib-element-user"])).exitCode).toBe(0);
    expect(checkOf(await project.dib(["audit", "--json"]), "registries")).toMatchObject({ result: "fine" });
    await project.write("dib.policy.json", { registries: { "@acme": empty.url } });
    const audited = await project.dib(["audit", "--json"]);
    expect({ exitCode: audited.exitCode, ...checkOf(audited, "registries") }).toMatchObject({
      exitCode: 6,
      result: "refused",
      codes: ["REGISTRY_FOREIGN"],
    });
  });

  test("dib approve shows scripts, and runs those of one package, of one content, and no other", async () => {
    await using project = await packageProject(registry, client);
    await project.dib(["add", "canary", "other-canary"]);
    const canary = (name: string) => existsSync(join(project.folder, `node_modules/dib-element-${name}/canary`));
    expect((await project.dib(["approve"])).stdout).toBe(
      [
        "dib-element-canary@1.0.0  not approved",
        "  preinstall: echo one >> canary",
        "  postinstall: echo two >> canary",
        "dib-element-other-canary@1.0.0  not approved",
        "  install: touch canary",
        "",
      ].join("\n"),
    );
    expect(checkOf(await project.dib(["audit", "--json"]), "lifecycle scripts")).toMatchObject({ result: "warning" });
    expect([canary("canary"), canary("other-canary")]).toEqual([false, false]);

    await project.write("dib.policy.json", { signatures: "off" });
    expect((await project.dib(["approve", "canary"])).exitCode).toBe(0);
    expect([canary("canary"), canary("other-canary")]).toEqual([true, false]);
    const { approved } = (await project.json("dib.policy.json")) as { approved: Record<string, string> };
    expect(await project.json("dib.policy.json")).toEqual({
      signatures: "off",
      approved: { "dib-element-canary@1.0.0": expect.stringMatching(/^sha512-/) as string },
    });

    const stale = Object.fromEntries(Object.keys(approved).map((name) => [name, `sha512-${"A".repeat(86)}==`]));
    await project.write("dib.policy.json", { approved: stale });
    const audited = await project.dib(["audit", "--json"]);
    expect({ exitCode: audited.exitCode, ...checkOf(audited, "lifecycle scripts") }).toMatchObject({
      exitCode: 6,
      codes: ["APPROVAL_STALE"],
    });
    const none = await project.dib(["approve", "lib", "--json"]);
    expect({ exitCode: none.exitCode, codes: codesOf(none) }).toEqual({ exitCode: 2, codes: ["PACKAGE_SCRIPTLESS"] });
  });
});

describe("dib audit", () => {
  test("refuses a project without a lock file, or with a package that it has no integrity for: INTEGRITY_MISSING", async () => {
    await using project = await packageProject(registry, "npm");
    await project.dib(["add", "dib-element-lib"]);
    const lock = JSON.stringify(await project.json("package-lock.json"));
    await project.write("package-lock.json", lock.replace(/,"integrity":"[^"]*"/, ""));
    const audited = await project.dib(["audit", "--json"]);
    expect({ exitCode: audited.exitCode, ...checkOf(audited, "integrity") }).toMatchObject({
      exitCode: 6,
      codes: ["INTEGRITY_MISSING"],
    });
    await rm(join(project.folder, "package-lock.json"));
    const unlocked = await project.dib(["audit", "--json"]);
    expect({ exitCode: unlocked.exitCode, ...checkOf(unlocked, "integrity") }).toMatchObject({
      exitCode: 6,
      codes: ["INTEGRITY_MISSING"],
    });
  });

  test("a signature that is required is one of an integrity: without it the package is refused", async () => {
    await using project = await packageProject(registry, "npm");
    await project.dib(["add", "dib-element-lib"]);
    const lock = JSON.stringify(await project.json("package-lock.json"));
    await project.write("package-lock.json", lock.replace(/,"integrity":"[^"]*"/, ""));
    await project.write("dib.policy.json", { signatures: "require" });
    const required = await project.dib(["audit", "--json"]);
    expect(checkOf(required, "signatures")).toMatchObject({ result: "refused", codes: ["SIGNATURE_INVALID"] });
    await project.write("dib.policy.json", { signatures: "warn" });
    expect(checkOf(await project.dib(["audit", "--json"]), "signatures")).toMatchObject({ result: "not checked" });
  });

  test("refuses a package that is installed in another version than the lock file has: PACKAGE_LOCK_STALE", async () => {
    await using project = await packageProject(registry, "npm");
    await project.dib(["add", "dib-element-lib"]);
    expect(checkOf(await project.dib(["audit", "--json"]), "installed elements")).toMatchObject({ result: "fine" });
    const manifest = "node_modules/dib-element-lib/package.json";
    await project.write(manifest, { ...(await project.json(manifest)), version: "0.9.0" });
    const audited = await project.dib(["audit", "--json"]);
    expect({ exitCode: audited.exitCode, ...checkOf(audited, "installed elements") }).toMatchObject({
      exitCode: 6,
      codes: ["PACKAGE_LOCK_STALE"],
    });
    expect(audited.stdout).toContain("dib-element-lib@0.9.0 is installed, but ");
  });

  test("checks signatures where the registry has keys, and says plainly where it has none", async () => {
    const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
    const key = publicKey.export({ format: "der", type: "spki" }).toString("base64");
    const keys = { keys: [{ keyid: "SHA256:test", keytype: "ecdsa", scheme: "ecdsa", key, expires: null }] };
    const signed = (suffix: string) => (body: Buffer) => {
      const entry = JSON.parse(body.toString()) as {
        name: string;
        versions: Record<string, { dist: { integrity: string } }>;
      };
      for (const [version, { dist }] of Object.entries(entry.versions)) {
        const text = Buffer.from(`${entry.name}@${version}:${dist.integrity}${suffix}`);
        Object.assign(dist, {
          signatures: [{ keyid: "SHA256:test", sig: sign("sha256", text, privateKey).toString("base64") }],
        });
      }
      return JSON.stringify(entry);
    };
    const audit = async (suffix: string | undefined, signatures: string, keysStatus?: number) => {
      await using signing = await spoil(registry, (path) => {
        if (keysStatus !== undefined && path.endsWith("/npm/v1/keys")) return { status: keysStatus };
        if (suffix === undefined || path.endsWith(".tgz")) return undefined;
        return {
          change: path.endsWith("/npm/v1/keys") ? () => JSON.stringify(keys) : signed(suffix),
          ok: path.endsWith("/keys"),
        };
      });
      await project.write("dib.policy.json", { signatures });
      const audited = await project.dib(["audit", "--json"], signing.env);
      return { exitCode: audited.exitCode, ...checkOf(audited, "signatures") };
    };
    await using project = await packageProject(registry, "pnpm");
    await project.dib(["add", "dib-element-lib"]);
    expect(await audit("", "require")).toMatchObject({ exitCode: 0, result: "fine", detail: "1 packages are signed" });
    expect(await audit("x", "require")).toMatchObject({ exitCode: 6, codes: ["SIGNATURE_INVALID"] });
    expect(await audit("x", "warn")).toMatchObject({ exitCode: 0, result: "warning", codes: ["SIGNATURE_INVALID"] });
    const keyless = await audit(undefined, "warn");
    expect(keyless).toMatchObject({ exitCode: 0, result: "not checked" });
    expect(keyless.detail).toMatch(/publishes no keys$/);
    expect(await audit(undefined, "require")).toMatchObject({ exitCode: 6, codes: ["SIGNATURE_INVALID"] });
    const hidden = await audit("", "warn", 401);
    expect(hidden).toMatchObject({ exitCode: 0, result: "not checked" });
    expect(hidden.detail).toMatch(/does not show its keys: HTTP 401$/);
    expect(await audit("", "require", 401)).toMatchObject({ exitCode: 6, codes: ["SIGNATURE_INVALID"] });
  });
});
