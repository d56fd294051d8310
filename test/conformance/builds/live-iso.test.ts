/** A live medium beside a disk of the same tree, booted by either firmware under emulation to a login. */
import { mkdtempSync, rmSync } from "node:fs";
import { afterAll, beforeAll, expect, test } from "vitest";
import { debianEnvironment, password } from "../../support/debian-build.js";
import { runDib } from "../../support/dib.js";

let folder: string;

beforeAll(async () => {
  folder = mkdtempSync("/var/tmp/dib-test-");
  const options = ["-p", "live-boot", "-t", "qcow2,iso", "-o", "live"];
  const built = await runDib(["build", "debian-minimal", "vm", "devuser", ...options], {
    cwd: folder,
    env: await debianEnvironment(),
  });
  expect(built.exitCode, (built.stdout + built.stderr).slice(-4000)).toBe(0);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test.each(["bios", "uefi"])("it boots by %s to a login, and its root is the medium under memory", async (firmware) => {
  const talk = [
    ...["--expect", "login:", "--send", "devuser", "--expect", "Password:", "--send", password],
    ...["--expect", "$ ", "--send", "echo root=$(findmnt -no FSTYPE /) medium=$(findmnt -no FSTYPE /run/live/medium)"],
    ...["--expect", "root=overlay medium=iso9660"],
  ];
  const machine = ["--firmware", firmware, "--memory", "1024", "--timeout", "900"];
  const booted = await runDib(["boot", "live.iso", ...machine, ...talk], { cwd: folder });
  expect(booted.exitCode, booted.stdout.slice(-3000) + booted.stderr).toBe(0);
});

test("the disk of the same build boots from itself", async () => {
  const booted = await runDib(["boot", "live.qcow2", "--expect", "login:", "--timeout", "900"], { cwd: folder });
  expect(booted.exitCode, booted.stdout.slice(-3000) + booted.stderr).toBe(0);
});
