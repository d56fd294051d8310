/** What dib does otherwise when root starts it: whom it trusts, and whose its files become. */
import { chmodSync, chownSync, mkdirSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { BuildConfig } from "@dibjs/core";
import { chooseLogFile } from "@dibjs/cli/build-log-file.js";
import { findProjectCli } from "@dibjs/cli/hand-over.js";
import { readHost } from "@dibjs/core/config/host.js";
import { loadConfig } from "@dibjs/core/config/load.js";
import type { Host } from "@dibjs/core/config/normalize.js";
import { discoverElements } from "@dibjs/core/elements/discover.js";
import { readPackageLock } from "@dibjs/core/trust/locked-package.js";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { anElement } from "../support/build-fixture.js";
import { otherUid } from "../support/other-user.js";
import { tempFolder } from "../support/temp-folder.js";

let temp: Awaited<ReturnType<typeof tempFolder>>;
/** Outer folder, which others may come to control, and the one in it where root works. */
let outer: string;
let mine: string;

beforeEach(async () => {
  temp = await tempFolder();
  outer = join(temp.path, "outer");
  mine = join(outer, "mine");
  mkdirSync(mine, { recursive: true });
});
afterEach(() => temp[Symbol.asyncDispose]());

const write = (path: string, text = "") => {
  const file = join(outer, path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
  return file;
};
const host: Host = {
  arch: "amd64",
  caller: { uid: 0, gid: 0, user: "root", home: "/root" },
  userCacheDir: "/root/.cache",
};

/** Ways in which others could have put something into a folder. */
const openings: readonly (readonly [string, () => void])[] = [
  ["anybody may write to", () => chmodSync(outer, 0o1777)],
  ["is another user's", () => chownSync(outer, otherUid, otherUid)],
];

describe.each(openings)("from a folder above that %s, root takes", (_, open) => {
  test("no config", async () => {
    const planted = write("dib.config.yaml", "output: planted\n");
    const load = (configFile?: string) => loadConfig({ cwd: mine, env: {}, host, configFile });
    expect((await load()).file).toBe(planted);
    open();
    const { file, notes, images } = await load();
    expect([file, images[0]?.projectDir]).toEqual([undefined, mine]);
    expect(notes).toEqual([expect.stringContaining(`${planted} is left alone: root takes no`)]);
    expect((await load("../dib.config.yaml")).file).toBe(planted); // root named it
  });

  test("no element packages", async () => {
    anElement("planted").writeAsPackage(join(outer, "node_modules"));
    anElement("own").writeAsPackage(join(mine, "node_modules"));
    const names = async () =>
      [...(await discoverElements({ elementPaths: [], bundled: [], projectDir: mine })).refs.keys()].sort();
    expect(await names()).toEqual(["own", "planted"]);
    open();
    expect(await names()).toEqual(["own"]);
  });

  test("no element packages that one of its own would get from there", async () => {
    anElement("planted").writeAsPackage(join(outer, "node_modules"));
    anElement("own").writeAsPackage(join(mine, "node_modules"), { peers: { "dib-element-planted": "*" } });
    const request = { elementPaths: [], bundled: [], projectDir: mine };
    const seen = async () => Object.keys((await discoverElements(request)).refs.get("own")?.package?.sees ?? {});
    expect(await seen()).toEqual(["dib-element-planted"]);
    open();
    expect(await seen()).toEqual([]);
  });

  test("no lock of a package manager", async () => {
    const lock = write("package-lock.json", '{ "packages": {} }');
    expect((await readPackageLock(mine))?.file).toBe(lock);
    open();
    expect(await readPackageLock(mine)).toBeUndefined();
  });

  test("no dib of a project", async () => {
    const own = write("../global/dist/main.js");
    write("node_modules/@dibjs/cli/dist/main.js");
    expect(await findProjectCli(mine, "main.js", own)).toBeDefined();
    open();
    expect(await findProjectCli(mine, "main.js", own)).toBeUndefined();
  });
});

test("root trusts the user behind sudo, and the owner of the folder it works in", async () => {
  const config = write("dib.config.yaml", "output: x\n");
  chownSync(outer, otherUid, otherUid);
  const load = (caller: Host["caller"]) => loadConfig({ cwd: mine, env: {}, host: { ...host, caller } });
  expect((await load({ ...host.caller, uid: otherUid })).file).toBe(config);
  chownSync(mine, otherUid, otherUid);
  expect((await load(host.caller)).file).toBe(config);
});

test("a new log is the caller's; a file that was there stays whose it is", async () => {
  const config = {
    cacheDir: join(outer, "cache"),
    cwd: outer,
    output: "x",
    caller: { uid: otherUid, gid: otherUid },
  } as BuildConfig;
  write("old.log");
  for (const file of ["old.log", "new.log", "/dev/null"]) await chooseLogFile(config, file);
  const owners = [join(outer, "old.log"), join(outer, "new.log"), "/dev/null"].map((file) => statSync(file).uid);
  expect(owners).toEqual([0, otherUid, 0]);
});

describe("a user behind sudo", () => {
  test("who is in no file is asked for where users come from", async () => {
    const directory = "ada:*:70001:70001:Ada:/net/home/ada:/bin/sh\n";
    const { caller } = await readHost({ SUDO_UID: "70001", SUDO_GID: "70001" }, async (file, args) => {
      const isKnown = [file, ...args].join(" ") === "getent passwd 70001";
      return { exitCode: isKnown ? 0 : 2, signal: undefined, stdout: isKnown ? directory : "", stderr: "" };
    });
    expect(caller).toEqual({ uid: 70001, gid: 70001, user: "ada", home: "/net/home/ada" });
  });

  test("whom nobody knows has no home", async () => {
    expect((await readHost({ SUDO_UID: "70002" })).caller).toMatchObject({ user: "70002", home: "/" });
  });
});
