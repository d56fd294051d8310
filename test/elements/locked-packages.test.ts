/** Two machines, one lock: a small Debian with real apt, and a mirror that moves on between their builds. */
import { execFileSync } from "node:child_process";
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { BuildReport, Lock } from "@dibjs/core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startAptProxy } from "../support/apt-proxy.js";
import { runDib } from "../support/dib.js";
import { openBase } from "../support/run-element.js";
import { openSmallArchive, type SmallArchive } from "../support/small-archive.js";
import { smallOs } from "../support/small-os.js";
import { tempFolder } from "../support/temp-folder.js";

const config = `elementPaths: [elements]
base: false
formats: [tar]
images:
  tested: { elements: [small-os], packages: [dib-test], output: out/tested }
  plain: { elements: [small-os], output: out/plain }
`;

let archive: SmallArchive;
let temp: Awaited<ReturnType<typeof tempFolder>>;
let first: string;
let second: string;

beforeAll(async () => {
  const { codename, mirror } = await startAptProxy();
  archive = await openSmallArchive();
  temp = await tempFolder();
  const os = smallOs(await openBase(codename, mirror), codename, archive.sources);
  [first, second] = ["first", "second"].map((name) => {
    const machine = join(temp.path, name);
    mkdirSync(machine);
    os.writeTo(join(machine, "elements"));
    writeFileSync(join(machine, "dib.config.yaml"), config);
    return machine;
  }) as [string, string];
});
afterAll(async () => {
  await temp?.[Symbol.asyncDispose]();
  await archive?.[Symbol.asyncDispose]();
});

/** Builds both images. A machine's HOME is its folder, and everything it keeps is below. */
const build = (machine: string, ...options: readonly string[]) =>
  runDib(["build", ...options], { cwd: machine, env: { DIB_APT_LOCAL_CACHE: "0" } });

const packagesOf = (machine: string, image: string) =>
  (JSON.parse(readFileSync(join(machine, `out/${image}.report.json`), "utf8")) as BuildReport).packages;

test("a first build locks the packages of both images", async () => {
  await archive.offer({ main: "1.0" });
  const built = await build(first);
  expect(built.exitCode, built.stderr).toBe(0);
  const { images } = JSON.parse(readFileSync(join(first, "dib.lock"), "utf8")) as Lock;
  const arch = execFileSync("dpkg", ["--print-architecture"], { encoding: "utf8" }).trim();
  expect(images["tested"]?.packages).toMatchObject({
    "dib-test:all": "1.0",
    [`dpkg:${arch}`]: expect.any(String) as string,
  });
  expect(Object.keys(images["plain"]?.packages ?? {})).not.toContain("dib-test:all");
  for (const { apt } of Object.values(images)) expect(Object.keys(apt)).toEqual(["Small main", "Small security"]);
});

test("another machine gets the same packages while any suite of the mirror has them", async () => {
  copyFileSync(join(first, "dib.lock"), join(second, "dib.lock"));
  await archive.offer({ main: "1.0", security: "1.1" });
  const built = await build(second, "--locked");
  expect(built.exitCode, built.stderr).toBe(0);
  for (const image of ["tested", "plain"]) {
    expect(packagesOf(second, image)).toEqual(packagesOf(first, image));
    const listing = execFileSync("tar", ["-tf", join(second, `out/${image}.tar`)], { encoding: "utf8" });
    expect(listing).not.toContain("dib-locked");
  }
});

test("when no suite has them any more, it says exactly what differs, and publishes nothing", async () => {
  const before = packagesOf(second, "tested");
  await archive.offer({ security: "1.1" });
  const refused = await build(second, "--locked", "--json");
  const { errors } = JSON.parse(refused.stdout.trimEnd().split("\n").at(-1) ?? "") as {
    errors: { code: string; context: { differences: object[] } }[];
  };
  expect({ exitCode: refused.exitCode, errors }).toMatchObject({
    exitCode: 6,
    errors: [
      {
        code: "LOCK_MISMATCH",
        context: {
          differences: [
            { part: "suite", name: "Small main" },
            { part: "suite", name: "Small security" },
            { part: "package", name: "dib-test:all", locked: "1.0", now: "1.1" },
          ],
        },
      },
    ],
  });
  expect(packagesOf(second, "tested")).toEqual(before);
});
