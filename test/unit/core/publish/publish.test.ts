import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
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
import { digestAlgorithms, publishBuild, type PublishRequest } from "@dibjs/core/publish/publish.js";
import { keptName } from "@dibjs/core/publish/replace-files.js";
import type { BuildEvent } from "@dibjs/core/report/events.js";
import type { Artifact, BuildReport } from "@dibjs/core/report/report.js";
import { toyPlan } from "../../../support/toy-disk.js";
import { vector } from "../../../support/vectors.js";

let folder: string;
let out: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "dib-test-"));
  out = join(folder, "out put");
  mkdirSync(out);
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const caller = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0, user: "me", home: "/" };

/** Publishes one file for each ending, as a build does; the folder that they grew in goes with the build. */
async function publish(
  contents: Record<string, string>,
  settings: Partial<BuildPlan["settings"]> = {},
  checksums = ["md5", "sha256"],
  { folders = {}, ...more }: Partial<PublishRequest> & { readonly folders?: Record<string, string> } = {},
): Promise<readonly Artifact[]> {
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
  const request = {
    plan,
    places: { output: join(out, "toy"), caller },
    staging,
    staged,
    sideFolders,
    sideFiles: [],
    hashing: new Hashing(digestAlgorithms(plan)),
    describe,
    ctx: { emit: (event: BuildEvent) => void events.push(event), signal: AbortSignal.any([]) },
    ...more,
  };
  try {
    return (await publishBuild(request)).report.artifacts;
  } finally {
    rmSync(staging, { recursive: true });
  }
}

const describe = (artifacts: readonly Artifact[]) => ({ image: "toy", artifacts }) as unknown as BuildReport;
const report = "toy.report.json";

const digest = (algorithm: string, content: string) => createHash(algorithm).update(content).digest("hex");
const read = (name: string) => readFileSync(join(out, name), "utf8");
const verify = () =>
  execFileSync("sh", ["-c", "sha256sum -c --quiet *.sha256 && md5sum -c --quiet *.md5"], {
    cwd: out,
    encoding: "utf8",
  });

test("diskimage-builder's side files: no report, and sums name the image as it was asked for", async () => {
  const plan = { ...toyPlan(undefined), output: "../out put/toy", checksums: ["md5", "sha256"] };
  const like = { conventions: "dib", plan } as const;
  await publish({ raw: "old" }, {}, undefined, like);
  const events: BuildEvent[] = [];
  const ctx = { emit: (event: BuildEvent) => void events.push(event), signal: AbortSignal.any([]) };
  await publish({ raw: "new" }, {}, undefined, { ...like, ctx });
  const kept = readdirSync(out).find((name) => /^toy-.*\.raw$/.test(name)) ?? "";
  expect(readdirSync(out).sort()).toEqual(
    [...["", ".md5", ".sha256"].map((sum) => `${kept}${sum}`), "toy.raw", "toy.raw.md5", "toy.raw.sha256"].sort(),
  );
  expect(read("toy.raw.md5")).toBe(`${digest("md5", "new")}  ../out put/toy.raw\n`);
  expect(read(`${kept}.sha256`)).toBe(`${digest("sha256", "old")}  ../out put/${kept}\n`);
  expect(events.filter(({ type }) => type === "note")).toEqual([
    { type: "note", level: "info", text: `Old image found. Renaming it to ../out put/${kept}` },
  ]);
});

vector(
  "finish-image/checksums",
  async () => {
    const [artifact] = await publish({ qcow2: "image" });
    expect(readdirSync(out).sort()).toEqual(["toy.qcow2", "toy.qcow2.md5", "toy.qcow2.sha256", report]);
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
  },
  "a published image has its sums beside it, verifiable in its folder",
);

test.each([
  [0o077, 0o600],
  [0o027, 0o640],
  [0o002, 0o664],
])("who may read an image and its sums is what the caller's umask says: %o", async (umask, mode) => {
  const before = process.umask(umask);
  try {
    await publish({ qcow2: "old" });
    await publish({ qcow2: "image" });
  } finally {
    process.umask(before);
  }
  const modes = readdirSync(out).map((name) => statSync(join(out, name)).mode & 0o777);
  expect(modes).toEqual(Array(7).fill(mode));
});

test("without checksums the report still gets sha256, and no side file is written", async () => {
  const [artifact] = await publish({ raw: "image" }, {}, []);
  expect(Object.keys(artifact?.digests ?? {})).toEqual(["sha256"]);
  expect(readdirSync(out)).toEqual(["toy.raw", report].sort());
});

vector(
  "finish-image/renames",
  async () => {
    await publish({ qcow2: "old" });
    await publish({ qcow2: "new" });
    const kept = readdirSync(out).filter((name) => /^toy-\d{4}\.\d\d\.\d\d-\d\d\.\d\d\.\d\d\.qcow2$/.test(name));
    expect(kept.map(read)).toEqual(["old"]);
    expect(read("toy.qcow2")).toBe("new");
    expect(readdirSync(out)).toHaveLength(7);
    expect(verify()).toBe("");
  },
  "an old image is kept aside with sums that name it",
);

test("two old images of one second get two names", async () => {
  for (const content of ["one", "two", "three"]) await publish({ qcow2: content }, {}, []);
  const images = readdirSync(out).filter((name) => name !== report);
  expect(images.map(read).sort()).toEqual(["one", "three", "two"]);
});

vector(
  "finish-image/overwrites",
  async () => {
    await publish({ qcow2: "old" });
    await publish({ qcow2: "new" }, { overwriteOldImage: true }, ["sha256"]);
    expect(readdirSync(out).sort()).toEqual(["toy.qcow2", "toy.qcow2.sha256", report]);
    expect(execFileSync("sha256sum", ["-c", "--quiet", "toy.qcow2.sha256"], { cwd: out, encoding: "utf8" })).toBe("");
  },
  "with overwriteOldImage nothing is kept, and sums that would be stale go too",
);

test("a link under the output's name is replaced and never written through", async () => {
  writeFileSync(join(folder, "elsewhere"), "precious");
  for (const name of ["toy.qcow2", "toy.qcow2.sha256", report, `${report}.new`])
    symlinkSync(join(folder, "elsewhere"), join(out, name));
  await publish({ qcow2: "image" }, { overwriteOldImage: true });
  expect(readFileSync(join(folder, "elsewhere"), "utf8")).toBe("precious");
  for (const name of ["toy.qcow2", report]) expect(lstatSync(join(out, name)).isFile()).toBe(true);
});

test("a link that is kept aside stays a link", async () => {
  symlinkSync("nowhere", join(out, "toy.qcow2"));
  await publish({ qcow2: "image" }, {}, []);
  const kept = readdirSync(out).find((name) => /^toy-.*qcow2$/.test(name)) ?? "";
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

test("a staged file that is missing is PUBLISH_FAILED", async () => {
  const staged = [{ format: "raw", staged: join(out, ".dib-id/toy.raw"), extension: "raw" }];
  await expect(publish({}, {}, [], { staged })).rejects.toMatchObject({ code: "PUBLISH_FAILED" });
  expect(readdirSync(out)).toEqual([]);
});

test("the report is published with the image: when it can't be, the old image and its report stay", async () => {
  await publish({ qcow2: "old" });
  expect(JSON.parse(read(report))).toMatchObject({ artifacts: [{ path: join(out, "toy.qcow2") }] });
  const before = readdirSync(out).map((name) => [name, read(name)]);
  const full = () => {
    throw Object.assign(new Error("write"), { code: "ENOSPC" });
  };
  await expect(publish({ qcow2: "new" }, {}, [], { describe: full })).rejects.toMatchObject({
    code: "SPACE_EXHAUSTED",
  });
  expect(readdirSync(out).map((name) => [name, read(name)])).toEqual(before);
});

test("a signal that comes before the first name is given ends publishing, and nothing is published", async () => {
  const signal = AbortSignal.abort("SIGTERM");
  const hashing = new Hashing(["sha256"], signal);
  for (const more of [{ hashing }, {}]) {
    const publishing = publish({ qcow2: "new" }, {}, [], { ...more, ctx: { emit() {}, signal } });
    await expect(publishing).rejects.toMatchObject({
      code: "BUILD_INTERRUPTED",
      context: { signal: "SIGTERM", stage: "publishing" },
    });
    expect(readdirSync(out)).toEqual([]);
  }
});

test("a folder takes the place of the one that is there, whole", async () => {
  await publish({ raw: "one" }, {}, [], { folders: { "toy.d/manifests": "one" } });
  writeFileSync(join(out, "toy.d/manifests/more"), "");
  await publish({ raw: "two" }, { overwriteOldImage: true }, [], { folders: { "toy.d/manifests": "two" } });
  expect(readdirSync(out).sort()).toEqual(["toy.d", "toy.raw", report]);
  expect(readdirSync(join(out, "toy.d/manifests"))).toEqual(["content"]);
  expect(read("toy.d/manifests/content")).toBe("two");
});

test("a folder is put back, or away, when an image cannot be published", async () => {
  await publish({ raw: "one" }, {}, [], { folders: { "toy.d/old": "one" } });
  mkdirSync(join(out, "toy.qcow2"));
  const folders = { "toy.d/old": "two", "toy.d/new": "two", "toy.e/new": "two" };
  await expect(publish({ raw: "two", qcow2: "two" }, {}, [], { folders })).rejects.toMatchObject({
    code: "PUBLISH_FAILED",
  });
  expect(readdirSync(out).sort()).toEqual(["toy.d", "toy.qcow2", "toy.raw", report]);
  expect(readdirSync(join(out, "toy.d"))).toEqual(["old"]);
  expect([read("toy.d/old/content"), read("toy.raw")]).toEqual(["one", "one"]);
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
