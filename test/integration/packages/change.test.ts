/** dib add, remove and update with the real package managers and a real registry. */
import { once } from "node:events";
import { existsSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { anElement, type PackageFixture } from "../../support/build-fixture.js";
import { resultOf, startDib } from "../../support/dib.js";
import { spoil, type RegistryFault } from "../../support/faulty-registry.js";
import { codesOf, packageProject, publishElement } from "../../support/package-project.js";
import { startRegistry, type Registry } from "../../support/registry.js";
import { tempFolder } from "../../support/temp-folder.js";
import { yarn4Environment } from "../../support/yarn-4.js";

let registry: Registry;

beforeAll(async () => {
  registry = await startRegistry();
  await publish("lib");
  await publish("lib", { version: "1.1.0" });
  await publish("one", { peers: { "dib-element-lib": "^1.0.0" } });
  await publish("lib", { version: "2.0.0" });
  await publish("two", { peers: { "dib-element-lib": "^2.0.0" } });
  await publish("motd", { package: "@acme/dib-element-motd" });
  await publish("canary", { scripts: { preinstall: "touch canary", postinstall: "touch canary" } });
  await publishPlain("one");
});
afterAll(() => registry[Symbol.asyncDispose]());

const publish = (name: string, written?: PackageFixture) => publishElement(registry, name, written);

async function publishPlain(name: string): Promise<void> {
  await using work = await tempFolder();
  await writeFile(join(work.path, "package.json"), JSON.stringify({ name, version: "1.0.0" }));
  await registry.publish(work.path);
}

// The clients go beside each other, each through its tests in order.
describe.concurrent.each(["npm", "pnpm", "yarn"] as const)("with %s", (client) => {
  test.sequential("a short name is the first package of its names that has elements, and dib says which", async () => {
    await using project = await packageProject(registry, client);
    const { exitCode, stdout, stderr } = await project.dib(["add", "one", "lib@^1.0.0"]);
    expect({ exitCode }, stderr).toEqual({ exitCode: 0 });
    expect(stderr).toContain("one: taking dib-element-one\n");
    expect(stdout).toBe("+ dib-element-lib 1.1.0\n+ dib-element-one 1.0.0\n");
    expect(await project.json("package.json")).toMatchObject({
      dependencies: { "dib-element-one": "^1.0.0", "dib-element-lib": expect.stringMatching(/^\^1\./) as string },
    });
    expect((await project.dib(["elements"])).stdout).toMatch(/^one +1\.0\.0 +dib-element-one +package$/m);
  });

  test.sequential("lifecycle scripts of what is added, updated or removed beside it are never run", async () => {
    await using project = await packageProject(registry, client);
    expect((await project.dib(["add", "canary", "lib@1.0.0"])).exitCode).toBe(0);
    expect((await project.dib(["update"])).exitCode).toBe(0);
    expect((await project.dib(["remove", "lib"])).exitCode).toBe(0);
    expect(existsSync(join(project.folder, "node_modules/dib-element-canary/package.json"))).toBe(true);
    expect(existsSync(join(project.folder, "node_modules/dib-element-canary/canary"))).toBe(false);
  });

  test.sequential("what is no element package leaves the project as it was: PACKAGE_NOT_ELEMENT", async () => {
    await using project = await packageProject(registry, client);
    await project.dib(["add", "dib-element-lib@1.0.0"]);
    const before = await project.tree();
    await publishPlain(`dib-element-${client}-not`);
    const refused = await project.dib(["add", `dib-element-${client}-not`, "--json"]);
    expect({ exitCode: refused.exitCode, codes: codesOf(refused) }).toEqual({
      exitCode: 2,
      codes: ["PACKAGE_NOT_ELEMENT"],
    });
    expect(await project.tree()).toEqual(before);
  });

  test.sequential(
    "packages that can't go together are told with who asks for what, and nothing is changed",
    async () => {
      await using project = await packageProject(registry, client);
      await project.dib(["add", "dib-element-one", "dib-element-lib@1.0.0"]);
      const before = await project.tree();
      const refused = await project.dib(["add", "two"]);
      expect(refused.exitCode).toBe(2);
      expect(refused.stderr).toMatch(/PACKAGE_CONFLICT No version of dib-element-lib \(now 1\.\d\.0\) satisfies/);
      expect(refused.stderr).toMatch(/^ {2}\^1\.0\.0 {2}asked for by this project → dib-element-one@1\.0\.0$/m);
      expect(refused.stderr).toMatch(/^ {2}\^2\.0\.0 {2}asked for by this project → dib-element-two@1\.0\.0$/m);
      expect(refused.stderr).toContain("Try: dib add dib-element-one@latest dib-element-two@latest");
      expect(await project.tree()).toEqual(before);
    },
  );

  test.sequential(
    "update moves to the newest that the ranges allow, remove takes what is asked for directly",
    async () => {
      await using project = await packageProject(registry, client);
      const name = `moving-${client}`;
      await publish(name);
      await project.dib(["add", name, "dib-element-lib"]);
      for (const version of ["1.0.1", "2.0.0"]) await publish(name, { version });
      expect((await project.dib(["update", name])).stdout).toBe(`~ dib-element-${name} 1.0.0 → 1.0.1\n`);
      expect((await project.dib(["remove", name])).stdout).toBe(`- dib-element-${name} 1.0.1\n`);
      const gone = await project.dib(["remove", name, "--json"]);
      expect({ exitCode: gone.exitCode, codes: codesOf(gone) }).toEqual({
        exitCode: 2,
        codes: ["PACKAGE_NOT_INSTALLED"],
      });
    },
  );

  test.sequential("Ctrl-C, and being killed, leave the project as it was", async () => {
    await using project = await packageProject(registry, client);
    await project.dib(["add", "dib-element-lib@2.0.0"]);
    const before = await project.tree();
    const interrupt = async (signal: "SIGINT" | "SIGKILL") => {
      await using spoilt = await spoil(registry, (path) => (path.endsWith(".tgz") ? { hangs: true } : undefined));
      const child = startDib(["add", "@acme/dib-element-motd"], { cwd: project.folder, env: spoilt.env });
      const result = resultOf(child);
      await Promise.race([spoilt.hung, result]);
      child.kill(signal);
      return result;
    };
    expect((await interrupt("SIGINT")).exitCode).toBe(130);
    expect(await project.tree()).toEqual(before);

    await interrupt("SIGKILL");
    const next = await project.dib(["remove", "nothing", "--json"]);
    expect(codesOf(next)).toEqual(["PACKAGE_NOT_INSTALLED"]);
    expect(next.stderr).toContain("an earlier change was cut off");
    expect(await project.tree()).toEqual(before);
  });
});

const tarball = "/@acme/dib-element-motd/-/dib-element-motd-1.0.0.tgz";
const faults: Readonly<Record<string, (path: string) => RegistryFault | undefined>> = {
  PACKAGE_NOT_FOUND: () => ({ status: 404 }),
  REGISTRY_REFUSED: () => ({ status: 401 }),
  REGISTRY_UNREACHABLE: () => ({ hangs: true }),
  REGISTRY_ANSWER_INVALID: () => ({ change: () => "<!doctype html><title>Hello</title>" }),
  PACKAGE_INTEGRITY_WRONG: (path) =>
    path === tarball ? { change: (body) => Buffer.concat([body, Buffer.from("more")]) } : undefined,
};

describe.each(["npm", "pnpm"] as const)("with %s and a registry", (client) => {
  test("that lacks the package, wants a login, is slow, broken, gone, talks nonsense or sends other content, nothing is changed", async () => {
    await using project = await packageProject(registry, client);
    await project.dib(["add", "dib-element-lib@1.0.0"]);
    const before = await project.tree();
    const add = async (env: Registry["env"]) => {
      const impatient = { npm_config_fetch_timeout: "500", npm_config_fetch_retries: "0" };
      const told = await project.dib(["add", "@acme/dib-element-motd", "--json"], { ...env, ...impatient });
      const { errors } = JSON.parse(told.stdout) as { errors: { code: string; message: string }[] };
      expect(errors[0]?.message).toContain("@acme/dib-element-motd");
      expect(await project.tree()).toEqual(before);
      return { codes: errors.map(({ code }) => code), exitCode: told.exitCode };
    };
    for (const [code, fault] of Object.entries(faults)) {
      await using spoilt = await spoil(registry, fault);
      expect(await add(spoilt.env)).toEqual({ codes: [code], exitCode: code === "PACKAGE_NOT_FOUND" ? 2 : 4 });
    }
    await using broken = await spoil(registry, () => ({ status: 500 }));
    expect(await add(broken.env)).toEqual({ codes: ["REGISTRY_UNREACHABLE"], exitCode: 4 });
    const gone = await spoil(registry, () => undefined);
    gone.close();
    expect(await add(gone.env)).toEqual({ codes: ["REGISTRY_UNREACHABLE"], exitCode: 4 });
    await gone[Symbol.asyncDispose]();
  });
});

test("an empty folder becomes a project of npm, and is empty again when nothing comes of it", async () => {
  await using project = await packageProject(registry);
  const none = await project.dib(["add", "dib-element-none", "--json"]);
  expect({ exitCode: none.exitCode, codes: codesOf(none), tree: await project.tree() }).toEqual({
    ...{ exitCode: 2, codes: ["PACKAGE_NOT_FOUND"], tree: {} },
  });
  await project.dib(["add", "lib"]);
  expect(await project.json("package.json")).toEqual({ private: true, dependencies: { "dib-element-lib": "^2.0.0" } });
  expect(existsSync(join(project.folder, "package-lock.json"))).toBe(true);
});

test("yarn 4 adds, updates and removes as the others do, and runs no scripts", async () => {
  await using project = await packageProject(registry);
  await using programs = await tempFolder();
  const env = yarn4Environment(programs.path, registry);
  const dib = (...args: readonly string[]) => project.dib(args, env);
  await project.write("package.json", { private: true, packageManager: "yarn@4.10.3" });
  await publish("later");
  const added = await dib("add", "later", "canary", "lib@1.0.0");
  expect({ exitCode: added.exitCode, stdout: added.stdout }, added.stderr).toEqual({
    exitCode: 0,
    stdout: "+ dib-element-canary 1.0.0\n+ dib-element-later 1.0.0\n+ dib-element-lib 1.0.0\n",
  });
  expect(existsSync(join(project.folder, "node_modules/dib-element-canary/canary"))).toBe(false);
  for (const version of ["1.0.1", "2.0.0"]) await publish("later", { version });
  expect(await dib("outdated", "later")).toMatchObject({ exitCode: 1 });
  const updated = await dib("update", "later");
  expect({ exitCode: updated.exitCode, stdout: updated.stdout }, updated.stderr).toEqual({
    exitCode: 0,
    stdout: "~ dib-element-later 1.0.0 → 1.0.1\n",
  });
  expect(await dib("update")).toMatchObject({ exitCode: 0, stdout: "" });
  const before = await project.tree();
  const missing = await dib("add", "dib-element-none", "--json");
  expect({ exitCode: missing.exitCode, codes: codesOf(missing) }).toEqual({
    exitCode: 2,
    codes: ["PACKAGE_NOT_FOUND"],
  });
  expect(await project.tree()).toEqual(before);
  expect(await dib("remove", "later")).toMatchObject({ exitCode: 0, stdout: "- dib-element-later 1.0.1\n" });
});

test("two changes at once do not mix: PROJECT_BUSY", async () => {
  await using project = await packageProject(registry, "npm");
  await using spoilt = await spoil(registry, (path) => (path.endsWith(".tgz") ? { hangs: true } : undefined));
  const child = startDib(["add", "@acme/dib-element-motd"], { cwd: project.folder, env: spoilt.env });
  await spoilt.hung;
  const second = await project.dib(["add", "dib-element-lib", "--json"]);
  expect({ exitCode: second.exitCode, codes: codesOf(second) }).toEqual({ exitCode: 3, codes: ["PROJECT_BUSY"] });
  child.kill("SIGTERM");
  await once(child, "close");
});

test("a folder of this machine can be added, and what is neither that nor in a registry is refused", async () => {
  await using project = await packageProject(registry, "npm");
  const folder = anElement("local").script("install.d/50-local").writeAsPackage(project.folder);
  expect((await project.dib(["add", "./dib-element-local"])).exitCode).toBe(0);
  expect(await project.json("package.json")).toMatchObject({
    dependencies: { "dib-element-local": "file:dib-element-local" },
  });
  expect(existsSync(folder)).toBe(true);
  for (const spec of ["https://example.com/x.tgz", "git+ssh://git@example.com/x", "user/repo", "-g", "x@", "../"]) {
    const refused = await project.dib(["add", "--json", "--", spec]);
    const code = spec === "../" ? "PACKAGE_NOT_ELEMENT" : "USAGE_INVALID";
    expect({ spec, exitCode: refused.exitCode, codes: codesOf(refused) }).toEqual({ spec, exitCode: 2, codes: [code] });
  }
});

test("names nobody has, versions that there are not, and a package manager that dib does not know", async () => {
  await using project = await packageProject(registry, "npm");
  const codes = async (...args: readonly string[]) => codesOf(await project.dib([...args, "--json"]));
  expect(await codes("add", "nobody-has-this")).toEqual(["PACKAGE_NOT_FOUND"]);
  expect(await codes("add", "lib@^9.0.0")).toEqual(["PACKAGE_VERSION_MISSING"]);
  expect(await codes("add", "dib-element-lib@^9.0.0")).toEqual(["PACKAGE_VERSION_MISSING"]);
  expect(await codes("add", "one@1.0.0")).toEqual([]);
  await project.write("package.json", { private: true, packageManager: "bun@1.0.0" });
  expect(await codes("add", "lib")).toEqual(["MANAGER_UNSUPPORTED"]);
});
