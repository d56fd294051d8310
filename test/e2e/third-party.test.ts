/**
 * All that a third party does, with a registry and nothing of the clone: writes two elements, tests and publishes them,
 * builds an image with them, upgrades and goes back. Each test goes on where the one before it ended.
 */
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { ExecResult, Lock } from "@dibjs/core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { debianEnvironment } from "../support/debian-build.js";
import { e2eFolder } from "../support/e2e-folder.js";
import { publishFirstParty } from "../support/first-party.js";
import { clients } from "../support/package-managers.js";
import { codesOf } from "../support/package-project.js";
import { releasedElements } from "../support/released-dib.js";
import { startRegistry, type Registry } from "../support/registry.js";
import { ThirdParty } from "../support/third-party.js";
import { toyOs } from "../support/toy-image.js";

let registry: Registry;
beforeAll(async () => {
  registry = await startRegistry({ upstream: true });
  await publishFirstParty(registry);
});
afterAll(() => registry[Symbol.asyncDispose]());

/** Elements of the released diskimage-builder. */
const imported = ["disable-nouveau", "enable-serial-console", "journal-to-console", "dhcp-all-interfaces", "sysctl"];

const config = `elementPaths: [elements]
images:
  debian:
    elements: [debian-minimal, vm, shout, ${imported.join(", ")}]
    output: out/debian
    formats: [qcow2, tar]
  small:
    elements: [toy-os, shout]
    output: out/small
    base: false
    formats: [tar]
`;

/** How a command with `--json` ended, with the codes of what it refused; those are in its last line. */
const endOf = ({ exitCode, stdout }: ExecResult) => ({
  exitCode,
  codes: exitCode === 0 ? [] : codesOf({ stdout: stdout.trimEnd().split("\n").at(-1) ?? "" }),
});

describe.concurrent.each(clients)("with %s", (client) => {
  // Packages of a scope of their own: both clients publish to one registry.
  const scope = `@${client}-people`;
  const [greet, shout, late] = ["greet", "shout", "late"].map((name) => `${scope}/dib-element-${name}`) as [
    string,
    string,
    string,
  ];
  let party: ThirdParty;
  let env: Readonly<Record<string, string>>;

  beforeAll(async () => {
    party = new ThirdParty(join(e2eFolder, `third-party-${client}`), client, registry);
    env = await debianEnvironment();
  });

  const dib = (...args: readonly string[]) => party.dib([...args], env);
  const told = async (...args: readonly string[]) => endOf(await dib(...args, "--json"));
  /** A file of the image `small` or `debian`. */
  const inImage = (image: string, path: string) =>
    execFileSync("tar", ["--to-stdout", "-xf", join(party.user, `out/${image}.tar`), `.${path}`]).toString();

  test.sequential("the CLI installs into an empty folder, with the elements that come with it", async () => {
    await party.install(["@dibjs/cli"], party.author);
    const { version } = JSON.parse(
      readFileSync(join(party.author, "node_modules/@dibjs/cli/package.json"), "utf8"),
    ) as { version: string };
    expect(await dib("--version")).toMatchObject({ exitCode: 0, stdout: `${version}\n` });
    expect((await dib("elements")).stdout).toMatch(/^debian-minimal +1\.\d+\.\d+ /m);
  });

  test.sequential("an element in shell is created, tested, linted and published", async () => {
    await party.create("greet", "--lang", "sh", "--scope", scope.slice(1));
    const folder = party.packageFolder("greet");
    await party.install([], folder);
    expect(await party.run(["test"], folder)).toMatch(/^# pass 2$/m);
    await party.run(["run", "lint"], folder);
    party.edit("greet", ({ scripts, ...rest }) => ({
      ...rest,
      scripts: { ...(scripts as object), postinstall: "touch canary" },
    }));
    await party.publish("greet");
  });

  test.sequential("one in TypeScript that needs the other is created, tested, linted and published", async () => {
    await party.create("shout", "--lang", "ts", "--scope", scope.slice(1));
    const folder = party.packageFolder("shout");
    needGreet("^1.0.0");
    await party.install([], folder);
    expect(await party.run(["test"], folder)).toContain("2 passed");
    await party.run(["run", "lint"], folder);
    await party.publish("shout");
  });

  /** The range is asked for by the package, and by the element. */
  function needGreet(range: string): void {
    party.edit("shout", ({ peerDependencies, devDependencies, ...rest }) => ({
      ...rest,
      peerDependencies: { ...(peerDependencies as object), [greet]: range },
      devDependencies: { ...(devDependencies as object), [greet]: range },
    }));
    writeFileSync(join(party.packageFolder("shout"), "elements/shout/element-deps"), `greet@${range}\n`);
  }

  test.sequential("dib add brings both into another folder, and runs no script of theirs", async () => {
    party.startProject();
    const { exitCode, stdout } = await dib("add", greet, shout);
    expect({ exitCode, lines: stdout.split("\n").filter((line) => line.includes(scope)) }).toEqual({
      exitCode: 0,
      lines: [`+ ${greet} 1.0.0`, `+ ${shout} 1.0.0`],
    });
    const installed = join(party.user, "node_modules", greet);
    expect(existsSync(join(installed, "elements/greet/install.d/50-greet"))).toBe(true);
    expect(existsSync(join(installed, "canary"))).toBe(false);
  });

  test.sequential("elements of diskimage-builder are imported, and added from their folders", async () => {
    const elements = await releasedElements();
    const folders = imported.map((name) => join(elements, name));
    expect(await told("import", ...folders, "--into", "imported")).toEqual({ exitCode: 0, codes: [] });
    const packages = imported.map((name) => `./imported/dib-element-${name}`);
    expect(await told("add", ...packages)).toEqual({ exitCode: 0, codes: [] });
  });

  test.sequential("a Debian image has the work of all of them, and boots", async () => {
    toyOs().writeTo(join(party.user, "elements"));
    party.write("dib.config.yaml", config);
    const built = await dib("build", "--image", "debian");
    expect(built.exitCode, built.stderr.slice(-3000)).toBe(0);
    expect(inImage("debian", "/etc/greet.example")).toBe("Hello from greet\n");
    expect(inImage("debian", "/etc/shout.example")).toBe("Hello from shout\n");
    expect(inImage("debian", "/etc/modprobe.d/disable-nouveau.conf")).toContain("blacklist nouveau");
    expect(inImage("debian", "/etc/systemd/journald.conf.d/log-to-console.conf")).toContain("ForwardToConsole=true");
    expect(inImage("debian", "/usr/local/bin/sysctl-set-value")).toContain("sysctl");
    expect(inImage("debian", "/usr/local/sbin/dhcp-all-interfaces.sh")).toContain("dhclient");
    expect(inImage("debian", "/etc/udev/rules.d/99-serial-console.rules")).toContain("getty@");
    const booted = await dib("boot", "out/debian.qcow2", "--expect", "login:", "--timeout", "480");
    expect(booted.exitCode, booted.stdout.slice(-3000)).toBe(0);
  });

  test.sequential("dib.lock says what it was built from, and a build holds to it", async () => {
    expect((await dib("build", "--image", "small")).exitCode).toBe(0);
    const { images } = JSON.parse(party.read("dib.lock")) as Lock;
    expect(Object.keys(images)).toEqual(["debian", "small"]);
    for (const { elements } of Object.values(images))
      expect(elements["greet"]).toMatchObject({
        version: "1.0.0",
        package: greet,
        integrity: expect.stringMatching(/^sha512-/) as string,
      });
    expect(Object.keys(images["debian"]?.packages ?? {})).toContain("adduser:all");
    expect(await told("lock")).toEqual({ exitCode: 0, codes: [] });
    expect(await told("build", "--image", "small", "--locked")).toEqual({ exitCode: 0, codes: [] });
  });

  test.sequential("a new major of one is behind, no update, and a conflict with the other", async () => {
    party.edit("greet", (written) => ({ ...written, version: "2.0.0" }));
    await party.publish("greet");
    const outdated = await dib("outdated");
    expect(outdated.exitCode).toBe(1);
    expect(outdated.stdout).toMatch(new RegExp(`^${greet} +1\\.0\\.0 +1\\.0\\.0 +2\\.0\\.0`, "m"));
    expect(await dib("update")).toMatchObject({ exitCode: 0, stdout: "" });
    const before = party.read("package.json");
    const refused = await dib("add", `${greet}@2`);
    expect(refused.exitCode).toBe(2);
    expect(refused.stderr).toContain(`PACKAGE_CONFLICT No version of ${greet}`);
    expect(refused.stderr).toMatch(/^ {2}\^1\.0\.0 {2}asked for by this project → .*dib-element-shout@1\.0\.0$/m);
    expect(party.read("package.json")).toBe(before);
  });

  test.sequential("with the other's new major it fits; the lock refuses it, and leads back", async () => {
    needGreet("^2.0.0");
    party.edit("shout", (written) => ({ ...written, version: "2.0.0" }));
    await party.install([], party.packageFolder("shout"));
    await party.publish("shout");
    expect(await told("add", `${greet}@2`, `${shout}@2`)).toEqual({ exitCode: 0, codes: [] });
    const refused = await dib("build", "--image", "small", "--locked");
    expect(refused.exitCode).toBe(6);
    expect(refused.stderr).toContain("element greet: 1.0.0 in the lock, 2.0.0 now");
    const [, back = ""] = /To go back to the lock: dib (add .*)$/m.exec(refused.stderr) ?? [];
    expect(back).toBe(`add ${greet}@1.0.0 ${shout}@1.0.0`);
    expect(await told(...back.split(" "))).toEqual({ exitCode: 0, codes: [] });
    expect(await told("build", "--image", "small", "--locked")).toEqual({ exitCode: 0, codes: [] });
  });

  test.sequential("lock --update takes the new ones in", async () => {
    expect(await told("add", `${greet}@2`, `${shout}@2`)).toEqual({ exitCode: 0, codes: [] });
    expect(await told("lock", "--update", "small")).toEqual({ exitCode: 0, codes: [] });
    expect(await told("build", "--image", "small", "--locked")).toEqual({ exitCode: 0, codes: [] });
    const { images } = JSON.parse(party.read("dib.lock")) as Lock;
    expect([images["small"], images["debian"]].map((entry) => entry?.elements["greet"]?.version)).toEqual([
      "2.0.0",
      "1.0.0",
    ]);
    expect(inImage("small", "/etc/shout.example")).toBe("Hello from shout\n");
  });

  test.sequential("why, approve and audit say where they are from, and what has not run", async () => {
    const why = await dib("why", "greet");
    expect(why.exitCode).toBe(0);
    expect(why.stdout).toMatch(
      new RegExp(`this project → ${shout}@2\\.0\\.0 \\(.+\\) → ${greet}@2\\.0\\.0 \\(\\^2\\.0\\.0\\)$`, "m"),
    );
    expect(why.stdout).toContain("image small → shout@2.0.0 → greet@2.0.0 (^2.0.0)");
    expect((await dib("approve")).stdout).toContain(`${greet}@2.0.0  not approved\n  postinstall: touch canary`);
    expect(await told("audit")).toEqual({ exitCode: 0, codes: [] });
  });

  test.sequential(
    "the policy refuses what was published a minute ago; one that can't be read refuses all",
    async () => {
      await party.create("late", "--scope", scope.slice(1));
      await party.install([], party.packageFolder("late"));
      await party.publish("late");
      party.write("dib.policy.json", { minimumReleaseAge: 60 });
      expect(await told("add", late)).toEqual({ exitCode: 6, codes: ["RELEASE_TOO_NEW"] });
      party.write("dib.policy.json", "{");
      for (const args of [["add", late], ["update"], ["remove", shout], ["audit"], ["approve"], ["build"]])
        expect(await told(...args), args.join(" ")).toEqual({ exitCode: 6, codes: ["POLICY_INVALID"] });
      party.write("dib.policy.json", {});
    },
  );

  test.sequential("dib remove takes one out", async () => {
    expect(await dib("remove", shout)).toMatchObject({ exitCode: 0, stdout: `- ${shout} 2.0.0\n` });
    expect(await told("plan", "--image", "small")).toEqual({ exitCode: 2, codes: ["ELEMENT_NOT_FOUND"] });
  });

  test.sequential("the dib of all projects hands over to the project's own, and loads no core of its own", async () => {
    await party.install(["@dibjs/cli"], party.user);
    const cli = realpathSync(join(party.author, "node_modules/@dibjs/cli"));
    const core = join(cli, "../core/dist/index.js");
    rmSync(core); // it may be a hard link to the store of all projects
    writeFileSync(core, 'throw new Error("a second core");\n');
    const here = await dib("elements");
    expect(here.exitCode, here.stderr).toBe(0);
    expect(here.stdout).toContain("greet");
    // Where there is nothing to hand over to, that core would be loaded.
    const elsewhere = await party.dib(["elements"], env, party.author);
    expect({ exitCode: elsewhere.exitCode, names: elsewhere.stderr.includes("@dibjs/core") }).toEqual({
      exitCode: 1,
      names: true,
    });
  });
});
