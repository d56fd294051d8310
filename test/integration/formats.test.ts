import { execFileSync } from "node:child_process";
import { readdirSync, truncateSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { builtInFormats } from "@dibjs/core/formats/built-in.js";
import { exportDisk, exportTree } from "@dibjs/core/formats/export.js";
import { createExec, type Exec } from "@dibjs/core/process/exec.js";
import { Hashing } from "@dibjs/core/publish/hashing.js";
import { digestAlgorithms, publishBuild } from "@dibjs/core/publish/publish.js";
import type { Artifact, BuildReport } from "@dibjs/core/report/report.js";
import { Stopwatch } from "@dibjs/core/report/stopwatch.js";
import {
  createToyDisk,
  diskContext,
  hostState,
  makeTree,
  mbrDisk,
  scratchFolder,
  toyPlan,
} from "../support/toy-disk.js";

let scratch: ReturnType<typeof scratchFolder>;
let before: ReturnType<typeof hostState>;

beforeEach(() => {
  scratch = scratchFolder();
  makeTree(scratch.make("tree"));
  // Content that does not shrink, for a tree and an image of their own.
  run(
    "sh",
    "-c",
    `head -c 8M /dev/urandom > "$1"; cp "$1" "$2/big"`,
    "sh",
    join(scratch.path, "image.raw"),
    join(scratch.path, "tree"),
  );
  before = hostState();
});
afterEach(() => {
  expect(hostState()).toEqual(before);
  scratch.remove();
});

const run = (file: string, ...args: string[]) => execFileSync(file, args, { encoding: "utf8", maxBuffer: 2 ** 26 });
const outputs = builtInFormats.map(({ name, from, extension, consumesImage = false }) => ({
  format: name,
  from,
  extension,
  consumesImage,
}));

test("one disk becomes raw, qcow2, tar, tgz and squashfs, each readable, with sums that verify", async () => {
  const ctx = diskContext();
  const { disk, planned, mountBase } = await createToyDisk(mbrDisk, scratch, ctx);
  await using _ = disk;
  // raw is asked for first and takes the image away: it has to be written last all the same.
  const plan = toyPlan(planned, { outputs: [...outputs].reverse(), checksums: ["md5", "sha256"] });
  const [staging, out] = [scratch.make("out/.dib-test"), join(scratch.path, "out")];
  const request = { plan, staging, stopwatch: new Stopwatch(), ctx };
  const staged = await exportTree({ ...request, root: mountBase });
  await disk.unmount();
  staged.push(...(await exportDisk({ ...request, image: disk.image })));
  const caller = { uid: 1000, gid: 1000, user: "user", home: "/" };
  const hashing = new Hashing(digestAlgorithms(plan));
  const places = { output: join(out, "toy"), caller };
  const describe = (artifacts: readonly Artifact[]) => ({ artifacts }) as unknown as BuildReport;
  const { artifacts } = await publishBuild({ plan, places, staging, staged, hashing, describe, ctx });

  expect(artifacts.map(({ format }) => format).sort()).toEqual(["qcow2", "raw", "squashfs", "tar", "tgz"]);
  expect(readdirSync(out).sort()).toEqual(
    ["qcow2", "raw", "squashfs", "tar", "tgz"]
      .flatMap((ending) => ["", ".md5", ".sha256"].map((sum) => `toy.${ending}${sum}`))
      .concat(".dib-test", "toy.report.json")
      .sort(),
  );
  expect(
    run(
      "sh",
      "-c",
      `cd "$1" && sha256sum -c --quiet *.sha256 && md5sum -c --quiet *.md5 && stat -c %u * | sort -u`,
      "sh",
      out,
    ).trim(),
  ).toBe("1000");
  expect(JSON.parse(run("qemu-img", "info", "--output=json", join(out, "toy.qcow2")))).toMatchObject({
    format: "qcow2",
    "cluster-size": 262144,
    "format-specific": { data: { "compression-type": "zstd" } },
  });
  expect(
    run("qemu-img", "compare", "-f", "raw", "-F", "qcow2", join(out, "toy.raw"), join(out, "toy.qcow2")),
  ).toContain("identical");
});

test("archives keep the kernel's folders empty, leave out host devices and lost+found, and keep attributes", async () => {
  const ctx = diskContext();
  const { disk, planned, mountBase } = await createToyDisk(mbrDisk, scratch, ctx);
  await using _ = disk;
  const plan = toyPlan(planned, { outputs: outputs.filter(({ from }) => from === "tree") });
  await exportTree({ plan, staging: scratch.make("staging"), stopwatch: new Stopwatch(), ctx, root: mountBase });
  await disk.unmount();
  const folder = join(scratch.path, "staging");
  const names = run("tar", "-tf", join(folder, "toy.tar")).split("\n");
  expect(names.filter((name) => /^\.\/(dev|proc|sys|lost\+found)/.test(name))).toEqual(["./dev/", "./proc/", "./sys/"]);
  expect(names).toContain("./.hidden");
  expect(run("tar", "-tzf", join(folder, "toy.tgz")).split("\n")).toEqual(names);
  expect(run("unsquashfs", "-l", "-d", "", join(folder, "toy.squashfs"))).not.toMatch(/dev\/null|lost\+found/);
  run("tar", "--xattrs", "--xattrs-include=*", "-xf", join(folder, "toy.tar"), "-C", scratch.make("unpacked"));
  expect(Number(run("stat", "-c", "%b", join(scratch.path, "unpacked/var/log/sparse")))).toBeLessThan(100);
  expect(run("getcap", join(scratch.path, "unpacked/usr/bin/tool"))).toContain("cap_net_raw=ep");
  expect(run("stat", "-c", "%h", join(scratch.path, "unpacked/usr/bin/twin")).trim()).toBe("2");
});

/** Exports a folder as one format, into a folder that may be a small file system, with programs that may be replaced. */
async function exportFolder(format: string, staging: string, exec: Exec = createExec()) {
  const image = join(scratch.path, "image.raw");
  const plan = toyPlan(undefined, { outputs: outputs.filter((output) => output.format === format) });
  const request = { plan, staging, stopwatch: new Stopwatch(), ctx: diskContext(exec) };
  return [
    ...(await exportTree({ ...request, root: join(scratch.path, "tree") })),
    ...(await exportDisk({ ...request, image })),
  ];
}

test.each(["tar", "tgz", "squashfs", "qcow2", "raw"])(
  "%s onto a file system that is too small is SPACE_EXHAUSTED",
  async (format) => {
    const staging = scratch.make("small");
    run("mount", "-t", "tmpfs", "-o", "size=2M", "tmpfs", staging);
    try {
      await expect(exportFolder(format, staging)).rejects.toMatchObject({
        code: "SPACE_EXHAUSTED",
        context: { path: staging },
      });
    } finally {
      run("umount", staging);
    }
  },
);

test.each([
  ["tar", "tar", "-tf"],
  ["tgz", "gzip", "-t"],
  ["squashfs", "unsquashfs", "-s"],
  ["qcow2", "qemu-img", "check"],
])("a %s output that does not read back is ARTIFACT_CHECK_FAILED", async (format, program, option) => {
  const real = createExec();
  const exec: Exec = async (file, args, options) => {
    // What was written is damaged right before it is checked.
    if (file === program && args[0] === option) truncateSync(args.at(-1) ?? "", 1000);
    return real(file, args, options);
  };
  await expect(exportFolder(format, scratch.make("staging"), exec)).rejects.toMatchObject({
    code: "ARTIFACT_CHECK_FAILED",
  });
});

test("a program that fails is FORMAT_FAILED with what it said", async () => {
  const exec: Exec = async (file, args, options) =>
    file === "qemu-img"
      ? { exitCode: 1, signal: undefined, stdout: "", stderr: "no such option" }
      : createExec()(file, args, options);
  await expect(exportFolder("qcow2", scratch.make("staging"), exec)).rejects.toMatchObject({
    code: "FORMAT_FAILED",
    context: { format: "qcow2", reason: "no such option" },
  });
});

test("two exports of one tree and one image are the same bytes", async () => {
  const sums = async (staging: string) => {
    for (const format of ["tar", "qcow2"]) await exportFolder(format, staging);
    return run("sh", "-c", `cd "$1" && sha256sum *`, "sh", staging);
  };
  expect(await sums(scratch.make("first"))).toBe(await sums(scratch.make("second")));
});
