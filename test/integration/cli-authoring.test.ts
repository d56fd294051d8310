/** The commands for those who write elements: exit codes, and what goes where. */
import { chmodSync, existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { LintReport, PackReport } from "@dibjs/core";
import { describe, expect, test } from "vitest";
import { runDib } from "../support/dib.js";
import { motd, writeElementPackage } from "../support/element-package.js";
import { tempFolder } from "../support/temp-folder.js";

const dataOf = <T>(stdout: string): T => (JSON.parse(stdout) as { data: T }).data;

describe("dib lint", () => {
  test("prints nothing on standard output and ends with 0 when nothing is found", async () => {
    await using temp = await tempFolder();
    const folder = writeElementPackage(temp.path);
    const { exitCode, stdout, stderr } = await runDib(["lint"], { cwd: folder });
    expect([exitCode, stdout]).toEqual([0, ""]);
    expect(stderr).toContain("1 element, 1 file: nothing found");
  });

  test("ends with 1 and says file, line, rule and hint of what is found", async () => {
    await using temp = await tempFolder();
    const element = motd().file("environment.d/10-motd", "A=1\nexport B=$(id)\n");
    writeElementPackage(temp.path, { element });
    const { exitCode, stdout } = await runDib(["lint", "dib-element-motd"], { cwd: temp.path });
    expect(exitCode).toBe(1);
    expect(stdout).toContain("dib-element-motd/elements/motd/environment.d/10-motd:2  export  ");
    expect(stdout).toContain("  hint: Assign first, export on the next line.\n");
  });

  test("with --json prints one envelope, and knows the elements that come with dib", async () => {
    await using temp = await tempFolder();
    writeElementPackage(temp.path, { element: motd().file("package-installs.yaml", "curl:\n") });
    const { exitCode, stdout } = await runDib(["lint", "dib-element-motd", "--json"], { cwd: temp.path });
    expect(exitCode).toBe(1);
    const [report] = dataOf<{ reports: readonly LintReport[] }>(stdout).reports;
    expect(report?.findings).toMatchObject([
      { rule: "undeclared", element: "motd", file: "elements/motd/package-installs.yaml" },
    ]);
  });

  test("of nothing ends with 2", async () => {
    await using temp = await tempFolder();
    const { exitCode, stderr } = await runDib(["lint"], { cwd: temp.path });
    expect([exitCode, stderr.includes("LINT_NOTHING_FOUND")]).toEqual([2, true]);
  });
});

describe("dib pack", () => {
  test("leaves standard output to the package manager that runs it", async () => {
    await using temp = await tempFolder();
    const folder = writeElementPackage(temp.path);
    const { exitCode, stdout, stderr } = await runDib(["pack"], { cwd: folder });
    expect([exitCode, stdout]).toEqual([0, ""]);
    expect(stderr).toBe("dib-element-motd 1.0.0: 1 files, 0 links, 0 empty folders in dib-manifest.json\n");
    expect(dataOf<PackReport>((await runDib(["pack", "--json"], { cwd: folder })).stdout)).toMatchObject({ files: 1 });
  });

  test("ends with 2 for each thing that would not arrive, and writes nothing", async () => {
    await using temp = await tempFolder();
    const folder = writeElementPackage(temp.path, {
      element: motd().file("static/a.orig", "").file("static/b.orig", ""),
    });
    const { exitCode, stderr } = await runDib(["pack", folder], { cwd: temp.path });
    expect([exitCode, stderr.match(/PACK_REFUSED dib-element-motd/g)?.length]).toEqual([2, 2]);
    expect(existsSync(join(folder, "dib-manifest.json"))).toBe(false);
  });
});

test("dib info shows the README of a package with one element", async () => {
  await using temp = await tempFolder();
  const folder = writeElementPackage(temp.path);
  expect((await runDib(["info", "motd"], { cwd: folder })).stdout).toContain("## What it does");
});

describe("dib import", () => {
  test("prints the folders that it made, and warnings beside", async () => {
    await using temp = await tempFolder();
    const folder = motd().dependsOn("stranger").writeTo(join(temp.path, "elements"));
    const { exitCode, stdout, stderr } = await runDib(["import", folder, "--scope", "acme"], { cwd: temp.path });
    expect([exitCode, stdout]).toEqual([0, "dib-element-motd\n"]);
    expect(stderr).toContain("warning: motd: it needs the element stranger");
    const again = await runDib(["import", folder], { cwd: temp.path });
    expect([again.exitCode, again.stderr.includes("PACKAGE_FOLDER_NOT_EMPTY")]).toEqual([2, true]);
  });

  test("of what is no element ends with 2", async () => {
    await using temp = await tempFolder();
    writeFileSync(join(temp.path, "file"), "");
    chmodSync(join(temp.path, "file"), 0o755);
    const { exitCode, stderr } = await runDib(["import", "file"], { cwd: temp.path });
    expect([exitCode, stderr.includes("IMPORT_SOURCE_INVALID")]).toEqual([2, true]);
  });
});
