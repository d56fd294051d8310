import { execFileSync } from "node:child_process";
import {
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { BuildPlan } from "@dibjs/core/plan/plan.js";
import { createExec } from "@dibjs/core/process/exec.js";
import { lockOutput } from "@dibjs/core/publish/lock-output.js";
import { Hashing } from "@dibjs/core/publish/hashing.js";
import { digestAlgorithms, publishArtifacts } from "@dibjs/core/publish/publish.js";
import { keptName } from "@dibjs/core/publish/replace-files.js";
import type { BuildEvent } from "@dibjs/core/report/events.js";
import { toyPlan } from "../../../support/toy-disk.js";

let folder: string;
let out: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "dib-test-"));
  out = join(folder, "out put");
  mkdirSync(out);
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const caller = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0, user: "me", home: "/" };

/** Publishes one file for each ending, as a build does. */
function publish(
  contents: Record<string, string>,
  settings: Partial<BuildPlan["settings"]> = {},
  checksums = ["md5", "sha256"],
  folders: Record<string, string> = {},
) {
  const staging = join(out, ".dib-id");
  mkdirSync(staging);
  const staged = Object.entries(contents).map(([extension, content]) => {
    writeFileSync(join(staging, `toy.${extension}`), content, { mode: 0o600 });
    return { format: extension, staged: join(staging, `toy.${extension}`), extension };
  });
  const sideFolders = Object.entries(folders).map(([target, content], index) => {
    mkdirSync(join(staging, `folder-${index}`));
    writeFileSync(join(staging, `folder-${index}`, "content"), content);
    return { staged: join(staging, `folder-${index}`), target: join(out, target) };
  });
  const events: BuildEvent[] = [];
  const plan = toyPlan(undefined, { checksums, settings: { ...toyPlan(undefined).settings, ...settings } });
  return publishArtifacts({
    plan,
    places: { output: join(out, "toy"), caller },
    staged,
    sideFolders,
    hashing: new Hashing(digestAlgorithms(plan)),
    ctx: { emit: (event) => void events.push(event) },
  });
}

const read = (name: string) => readFileSync(join(out, name), "utf8");
const verify = () =>
  execFileSync("sh", ["-c", "sha256sum -c --quiet *.sha256 && md5sum -c --quiet *.md5"], {
    cwd: out,
    encoding: "utf8",
  });

test("a published image has its sums beside it, verifiable in its folder, and the staging folder is gone", async () => {
  const [artifact] = await publish({ qcow2: "image" });
  expect(readdirSync(out).sort()).toEqual(["toy.qcow2", "toy.qcow2.md5", "toy.qcow2.sha256"]);
  expect(verify()).toBe("");
  expect(artifact).toMatchObject({
    format: "qcow2",
    path: join(out, "toy.qcow2"),
    sizeBytes: 5,
    sideFiles: [join(out, "toy.qcow2.md5"), join(out, "toy.qcow2.sha256")],
  });
  expect(artifact?.digests.sha256).toBe(
    execFileSync("sha256sum", [join(out, "toy.qcow2")], { encoding: "utf8" }).slice(0, 64),
  );
  expect(statSync(join(out, "toy.qcow2")).mode & 0o777).toBe(0o644);
});

test("without checksums the report still gets sha256, and no side file is written", async () => {
  const [artifact] = await publish({ raw: "image" }, {}, []);
  expect(Object.keys(artifact?.digests ?? {})).toEqual(["sha256"]);
  expect(readdirSync(out)).toEqual(["toy.raw"]);
});

test("an old image is kept aside with sums that name it", async () => {
  await publish({ qcow2: "old" });
  await publish({ qcow2: "new" });
  const kept = readdirSync(out).filter((name) => /^toy-\d{4}\.\d\d\.\d\d-\d\d\.\d\d\.\d\d\.qcow2$/.test(name));
  expect(kept.map(read)).toEqual(["old"]);
  expect(read("toy.qcow2")).toBe("new");
  expect(readdirSync(out)).toHaveLength(6);
  expect(verify()).toBe("");
});

test("two old images of one second get two names", async () => {
  for (const content of ["one", "two", "three"]) await publish({ qcow2: content }, {}, []);
  expect(readdirSync(out).map(read).sort()).toEqual(["one", "three", "two"]);
});

test("with overwriteOldImage nothing is kept, and sums that would be stale go too", async () => {
  await publish({ qcow2: "old" });
  await publish({ qcow2: "new" }, { overwriteOldImage: true }, ["sha256"]);
  expect(readdirSync(out).sort()).toEqual(["toy.qcow2", "toy.qcow2.sha256"]);
  expect(execFileSync("sha256sum", ["-c", "--quiet", "toy.qcow2.sha256"], { cwd: out, encoding: "utf8" })).toBe("");
});

test("a link under the output's name is replaced and never written through", async () => {
  writeFileSync(join(folder, "elsewhere"), "precious");
  for (const name of ["toy.qcow2", "toy.qcow2.sha256"]) symlinkSync(join(folder, "elsewhere"), join(out, name));
  await publish({ qcow2: "image" }, { overwriteOldImage: true });
  expect(readFileSync(join(folder, "elsewhere"), "utf8")).toBe("precious");
  expect(lstatSync(join(out, "toy.qcow2")).isFile()).toBe(true);
});

test("a link that is kept aside stays a link", async () => {
  symlinkSync("nowhere", join(out, "toy.qcow2"));
  await publish({ qcow2: "image" }, {}, []);
  const kept = readdirSync(out).find((name) => name !== "toy.qcow2") ?? "";
  expect(readlinkSync(join(out, kept))).toBe("nowhere");
});

test.each([true, false])(
  "when the second of two images can't be published, the first is as it was (overwrite: %s)",
  async (overwriteOldImage) => {
    await publish({ qcow2: "old" });
    mkdirSync(join(out, "toy.raw"));
    const before = readdirSync(out).sort();
    await expect(publish({ qcow2: "new", raw: "new" }, { overwriteOldImage })).rejects.toMatchObject({
      code: "PUBLISH_FAILED",
      context: { path: join(out, "toy.raw") },
    });
    expect(readdirSync(out).sort()).toEqual(before);
    expect(read("toy.qcow2")).toBe("old");
    expect(verify()).toBe("");
  },
);

test("a folder takes the place of the one that is there, whole", async () => {
  await publish({ raw: "one" }, {}, [], { "toy.d/manifests": "one" });
  writeFileSync(join(out, "toy.d/manifests/more"), "");
  await publish({ raw: "two" }, { overwriteOldImage: true }, [], { "toy.d/manifests": "two" });
  expect(readdirSync(out).sort()).toEqual(["toy.d", "toy.raw"]);
  expect(readdirSync(join(out, "toy.d/manifests"))).toEqual(["content"]);
  expect(read("toy.d/manifests/content")).toBe("two");
});

test("a folder is put back, or away, when an image cannot be published", async () => {
  await publish({ raw: "one" }, {}, [], { "toy.d/old": "one" });
  mkdirSync(join(out, "toy.qcow2"));
  const folders = { "toy.d/old": "two", "toy.d/new": "two" };
  await expect(publish({ raw: "two", qcow2: "two" }, {}, [], folders)).rejects.toMatchObject({
    code: "PUBLISH_FAILED",
  });
  expect(readdirSync(join(out, "toy.d"))).toEqual(["old"]);
  expect([read("toy.d/old/content"), read("toy.raw")]).toEqual(["one", "one"]);
});

test("a staged file that is missing is PUBLISH_FAILED and leaves no staging folder", async () => {
  const staged = [{ format: "raw", staged: join(out, ".dib-id/toy.raw"), extension: "raw" }];
  mkdirSync(join(out, ".dib-id"));
  const request = {
    plan: toyPlan(undefined),
    places: { output: join(out, "toy"), caller },
    staged,
    sideFolders: [],
    hashing: new Hashing(["sha256"]),
    ctx: { emit: () => {} },
  };
  await expect(publishArtifacts(request)).rejects.toMatchObject({ code: "PUBLISH_FAILED" });
  expect(readdirSync(out)).toEqual([]);
});

test("the name of an old image carries the local time before its ending", () => {
  expect(keptName("/out/my.image.qcow2", new Date(2026, 0, 2, 3, 4, 5))).toBe(
    "/out/my.image-2026.01.02-03.04.05.qcow2",
  );
});

const lock = (output: string) => lockOutput({ output, caller }, { exec: createExec() });

test("an output is locked for one build at a time, by its real path, and leaves nothing in the folder", async () => {
  symlinkSync(out, join(folder, "alias"));
  {
    await using _ = await lock(join(out, "toy"));
    await expect(lock(join(folder, "alias/toy"))).rejects.toMatchObject({ code: "OUTPUT_BUSY" });
    await using _other = await lock(join(out, "another"));
  }
  await using _ = await lock(join(out, "toy"));
  expect(readdirSync(out)).toEqual([]);
});

test("an output below a file, or in a folder that can't be written, is OUTPUT_UNWRITABLE", async () => {
  writeFileSync(join(folder, "file"), "");
  await expect(lock(join(folder, "file/toy"))).rejects.toMatchObject({
    code: "OUTPUT_UNWRITABLE",
  });
  await expect(lock("/proc/toy")).rejects.toMatchObject({ code: "OUTPUT_UNWRITABLE" });
});

test("folders that the output lacks are made, and go again when nothing was put into them", async () => {
  const output = join(out, "new/deep/toy");
  {
    await using _ = await lock(output);
    expect(readdirSync(join(out, "new/deep"))).toEqual([]);
  }
  expect(readdirSync(out)).toEqual([]);
  {
    await using _ = await lock(output);
    writeFileSync(join(out, "new/image"), "");
  }
  expect(readdirSync(join(out, "new"))).toEqual(["image"]);
});
