/** A locked build on a small Debian, with real apt and a mirror that moves on between builds. */
import { join } from "node:path";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import type { Lock, LockMode } from "@dibjs/core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startAptProxy } from "../support/apt-proxy.js";
import { BuildFolder } from "../support/real-build.js";
import { openBase } from "../support/run-element.js";
import { openSmallArchive, type SmallArchive } from "../support/small-archive.js";
import { smallOs } from "../support/small-os.js";

let archive: SmallArchive;
let folder: BuildFolder;

beforeAll(async () => {
  const { codename, mirror } = await startAptProxy();
  archive = await openSmallArchive();
  folder = await BuildFolder.open();
  smallOs(await openBase(codename, mirror), codename, archive.sources).writeTo(join(folder.path, "elements"));
});
afterAll(async () => {
  await folder?.[Symbol.asyncDispose]();
  await archive?.[Symbol.asyncDispose]();
});

async function build(lock: LockMode): Promise<string | undefined> {
  const { packages } = await folder.build({
    elements: ["small-os"],
    elementPaths: [join(folder.path, "elements")],
    flags: { formats: ["tar"], base: false, packages: ["dib-test"] },
    env: { DIB_APT_LOCAL_CACHE: "0" },
    lock,
  });
  return packages.find(({ name }) => name === "dib-test")?.version;
}

test("a locked build gets the locked packages while any suite has them, and says which differ when none has", async () => {
  await archive.offer({ main: "1.0" });
  expect(await build("keep")).toBe("1.0");
  const { images } = JSON.parse(readFileSync(join(folder.path, "dib.lock"), "utf8")) as Lock;
  expect(images["image"]?.packages).toMatchObject({
    "dib-test:all": "1.0",
    [`dpkg:${arch()}`]: expect.any(String) as string,
  });
  expect(Object.keys(images["image"]?.apt ?? {})).toEqual(["Small main", "Small security"]);

  await archive.offer({ main: "1.0", security: "1.1" });
  expect(await build("require")).toBe("1.0");
  const listing = execFileSync("tar", ["-tf", `${folder.image}.tar`], { encoding: "utf8" });
  expect(listing).not.toContain("dib-locked");

  await archive.offer({ security: "1.1" });
  await expect(build("require")).rejects.toMatchObject({
    code: "LOCK_MISMATCH",
    context: {
      differences: [
        { part: "suite", name: "Small main" },
        { part: "suite", name: "Small security" },
        { part: "package", name: "dib-test:all", locked: "1.0", now: "1.1" },
      ],
    },
  });
});

const arch = () => execFileSync("dpkg", ["--print-architecture"], { encoding: "utf8" }).trim();
