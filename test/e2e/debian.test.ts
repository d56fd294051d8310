/** `dib build debian vm`: five outputs of one build, and an image that boots and can be logged in to. */
import { execFileSync } from "node:child_process";
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import type { BuildReport } from "@dibjs/core";
import { reportShape } from "@dibjs/core/report/report.js";
import { beforeAll, describe, expect, test } from "vitest";
import { bootDebian, debianBuild, formats, password } from "../support/debian-build.js";
import { hostNodesIn, listOutput } from "../support/output-listing.js";

let folder: string;
let report: BuildReport;

beforeAll(async () => {
  ({ folder } = await debianBuild());
  report = JSON.parse(readFileSync(join(folder, "debian.report.json"), "utf8")) as BuildReport;
});

const run = (file: string, ...args: string[]): string =>
  execFileSync(file, args, { cwd: folder, maxBuffer: 2 ** 28 }).toString();

describe("the outputs", () => {
  test.each(formats)("debian.%s is there with sums that verify", (format) => {
    expect(run("sha256sum", "-c", `debian.${format}.sha256`)).toBe(`debian.${format}: OK\n`);
    expect(run("md5sum", "-c", `debian.${format}.md5`)).toBe(`debian.${format}: OK\n`);
  });

  test("the qcow2 passes qemu-img check and is compressed with zstd", () => {
    expect(run("qemu-img", "check", "debian.qcow2")).toContain("No errors were found");
    expect(run("qemu-img", "info", "debian.qcow2")).toContain("compression type: zstd");
  });

  test("the qcow2 and the raw image are the same disk", () => {
    expect(run("qemu-img", "compare", "debian.qcow2", "debian.raw")).toContain("Images are identical");
  });

  test.each(formats)("debian.%s holds no device nodes of the host, and has the empty mount points", (format) => {
    const listing = listOutput(join(folder, "debian"), format);
    expect(hostNodesIn(listing)).toEqual([]);
    for (const mountPoint of ["dev", "proc", "sys"]) expect(listing).toMatch(new RegExp(`/${mountPoint}/?$`, "m"));
  });

  test.each(["tar", "tgz", "squashfs"])("debian.%s has nothing of the file system that its files lay on", (format) => {
    expect(listOutput(join(folder, "debian"), format)).not.toMatch(/\/lost\+found\/?$/m);
  });

  test("nothing is left beside them", () => {
    const expected = formats.flatMap((format) => ["", ".md5", ".sha256"].map((sum) => `debian.${format}${sum}`));
    const found = readdirSync(folder).filter(
      (name) => name.startsWith("debian.") && !["debian.d", "debian.report.json"].includes(name),
    );
    expect(found.sort()).toEqual(expected.sort());
    expect(readdirSync(folder).filter((name) => name.startsWith(".dib-"))).toEqual([]);
  });
});

describe("the report", () => {
  test("is what its schema says", () => {
    expect(reportShape.safeParse(report).error).toBeUndefined();
  });

  test("says what was built from what", () => {
    expect(report.elements.find(({ name }) => name === "debian")).toMatchObject({
      version: "1.0.0",
      package: "@dibjs/element-debian",
    });
    expect(report.packages.map(({ name }) => name)).toEqual(
      expect.arrayContaining(["systemd", "openssh-server", "sudo"]),
    );
    expect(report.phases.map(({ phase }) => phase)).toHaveLength(10);
    expect(report.disk?.partitions).toHaveLength(1);
    expect(report.artifacts.map(({ format }) => format).sort()).toEqual([...formats].sort());
  });

  test("each digest in it is that of the file", () => {
    for (const { path, digests } of report.artifacts)
      expect(run("sha256sum", path).split(" ")[0]).toBe(digests["sha256"]);
  });

  test("our own processes stayed under 200 MB", () => {
    expect(report.peakBytes.worker).toBeLessThan(200e6);
    expect(report.peakBytes.front).toBeLessThan(200e6);
  });
});

test("the password is in no log, report or manifest, and not in clear in the image", () => {
  expect(() =>
    run("grep", "-rlaF", password, "build.log", "debian.report.json", "events.json", "debian.raw", "debian.d"),
  ).toThrow(expect.objectContaining({ status: 1 }));
});

test("nothing of the build is in the image: no proxy, no resolv.conf of the host, no policy-rc.d, no /tmp content", () => {
  const names = run("tar", "-tf", "debian.tar").split("\n");
  expect(
    names.filter((name) =>
      /^\.\/(usr\/sbin\/policy-rc\.d|tmp\/.+|etc\/resolv\.conf\.ORIG|etc\/apt\/apt\.conf\.d\/.*proxy.*)$/.test(name),
    ),
  ).toEqual([]);
  expect(() => run("grep", "-aF", "127.0.0.1:3142", "debian.tar")).toThrow(expect.objectContaining({ status: 1 }));
});

test("it boots under BIOS to a login, and no unit has failed", async () => {
  const booted = await bootDebian(folder);
  expect(booted, booted.stdout.slice(-3000)).toMatchObject({ exitCode: 0 });
});
