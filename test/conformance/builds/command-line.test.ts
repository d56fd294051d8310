/**
 * A command line of diskimage-builder, built for real with its own elements first. What whoever called it reads afterwards
 * is there, and is what they take it for.
 */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { dibElementsEnvironment } from "../../support/dib-element-builds.js";
import { runDib } from "../../support/dib.js";
import { runDropIn } from "../../support/drop-in.js";

let folder: string;
const at = (name: string) => join(folder, name);

beforeAll(async () => {
  folder = await mkdtemp("/var/tmp/dibjs-command-"); // no space: DIB's scripts split at it
  mkdirSync(at("tmp"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function create(args: readonly string[]): Promise<void> {
  const result = await runDropIn("disk-image-create", args, {
    cwd: folder,
    env: {
      ...(await dibElementsEnvironment()),
      TMP_DIR: at("tmp"),
      DIB_IMAGE_CACHE: at("cache"),
    },
  });
  const log = result.stdout + result.stderr;
  expect(result.exitCode, log.slice(-4000)).toBe(0);
}

const infoOf = (file: string) =>
  JSON.parse(execFileSync("qemu-img", ["info", "--output=json", at(file)], { encoding: "utf8" })) as {
    format: string;
    "virtual-size": number;
    "format-specific"?: { data: { compat: string } };
  };

/** As nodepool reads them: the first 32 and 64 characters of the files beside the image. */
function expectSums(file: string): void {
  const bytes = readFileSync(at(file));
  for (const [kind, length] of [
    ["md5", 32],
    ["sha256", 64],
  ] as const)
    expect(readFileSync(at(`${file}.${kind}`), "utf8").slice(0, length)).toBe(
      createHash(kind).update(bytes).digest("hex"),
    );
}

const packagesOf = (image: string): readonly string[] => {
  const manifest = at(`${image}.d/dib-manifests/dib-manifest-dpkg-${image}`);
  return (JSON.parse(readFileSync(manifest, "utf8")) as { packages: { package: string }[] }).packages.map(
    (one) => one.package,
  );
};

async function expectLogin(file: string): Promise<void> {
  const booted = await runDib(["boot", at(file), "--expect", "login:", "--timeout", "900"], { cwd: folder });
  expect(booted.exitCode, booted.stdout.slice(-3000)).toBe(0);
}

const textOf = (image: string, path: string): string =>
  execFileSync("tar", ["-xOf", at(`${image}.tar`), `.${path}`], { encoding: "utf8" });

describe("qcow2 and tar with sums", () => {
  beforeAll(() => create(["-a", "amd64", "-o", "img", "-t", "qcow2,tar", "--checksum", "vm", "debian-minimal"]));

  test("both are there, and so are their sums", () => {
    expect(infoOf("img.qcow2").format).toBe("qcow2");
    for (const file of ["img.qcow2", "img.tar"]) expectSums(file);
    expect(textOf("img", "/etc/debian_version")).toMatch(/^12\./);
    expect(packagesOf("img")).toContain("grub-pc");
  });

  test("the disk boots to a login", () => expectLogin("img.qcow2"));
});
