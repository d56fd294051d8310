/** What a change of packages keeps until it has gone well, on real file systems. */
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { chmod, cp, mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { createExec } from "@dibjs/core";
import { snapshotTree, type Tree } from "@dibjs/testkit";
import { findCutOff, restoreCutOff, takeSnapshot } from "@dibjs/cli/packages/snapshot.js";
import { tempFolder } from "../../support/temp-folder.js";

const exec = createExec();
const isRoot = process.getuid?.() === 0;
const needsRoot = "it mounts, which root alone may";

interface Place extends AsyncDisposable {
  readonly folder: string;
  readonly root: string;
  write(file: string, content: string): Promise<void>;
  tree(): Promise<Tree>;
}

async function openPlace(): Promise<Place> {
  const temp = await tempFolder();
  const folder = join(temp.path, "project");
  await mkdir(join(folder, "node_modules/one"), { recursive: true });
  const write = (file: string, content: string) => writeFile(join(folder, file), content);
  await write("package.json", "{}");
  await write("node_modules/one/index.js", "one");
  await write("node_modules/.package-lock.json", "{}");
  return {
    ...{ folder, root: folder, write },
    tree: () => snapshotTree(folder),
    [Symbol.asyncDispose]: () => temp[Symbol.asyncDispose](),
  };
}

/** As a package manager would, with a lock file that was not there. */
async function spoilPackages(place: Place): Promise<void> {
  const { folder } = place;
  await place.write("package.json", '{ "spoilt": true }');
  await place.write("package-lock.json", "{}");
  await rm(join(folder, "node_modules/one"), { recursive: true });
  await place.write("node_modules/two.js", "two");
  await place.write("node_modules/.package-lock.json", '{ "spoilt": true }');
}

/** Leaves what a dib that was killed in its change has left. */
async function cutOff(place: Place): Promise<void> {
  const aside = join(place.folder, "..", "aside");
  const snapshot = await takeSnapshot(place, exec);
  await cp(join(place.folder, ".dib-before"), aside, { recursive: true });
  snapshot.keepChange();
  await snapshot[Symbol.asyncDispose]();
  await cp(aside, join(place.folder, ".dib-before"), { recursive: true });
  await spoilPackages(place);
}

test("of twenty changes at once one is let in, the others end with PROJECT_BUSY, and nothing is left", async () => {
  await using place = await openPlace();
  const before = await place.tree();
  for (let round = 0; round < 3; round++) {
    const tried = await Promise.allSettled(Array.from({ length: 20 }, () => takeSnapshot(place, exec)));
    const codes = tried.flatMap((each) =>
      each.status === "rejected" ? [(each.reason as { code?: string }).code ?? String(each.reason)] : [],
    );
    expect(codes).toEqual(Array.from({ length: 19 }, () => "PROJECT_BUSY"));
    await spoilPackages(place);
    for (const each of tried) if (each.status === "fulfilled") await each.value[Symbol.asyncDispose]();
    expect(await place.tree()).toEqual(before);
  }
});

test("what a dead dib left is put back, whatever process has its number now", async () => {
  await using place = await openPlace();
  const before = await place.tree();
  await cutOff(place);
  await place.write(".dib-before/pid", String(process.pid));
  expect(await findCutOff(place)).toEqual([place.folder]);
  let restored = 0;
  await restoreCutOff(place, exec, () => restored++);
  expect({ restored, tree: await place.tree() }).toEqual({ restored: 1, tree: before });
});

describe("what was cut off is done by the next dib:", () => {
  test("putting back, after node_modules was moved", async () => {
    await using place = await openPlace();
    const before = await place.tree();
    await cutOff(place);
    await rm(join(place.folder, "node_modules"), { recursive: true });
    await cp(join(place.folder, ".dib-before/node_modules"), join(place.folder, "node_modules"), { recursive: true });
    await rm(join(place.folder, ".dib-before/node_modules"), { recursive: true });
    await restoreCutOff(place, exec, () => {});
    expect(Object.keys(await place.tree())).toEqual(Object.keys(before));
  });

  test("forgetting, of which the first deed is that nothing is put back any more", async () => {
    await using place = await openPlace();
    await cutOff(place);
    const changed = Object.keys(await place.tree()).filter((path) => !path.includes(".dib-before"));
    await rm(join(place.folder, ".dib-before/taken"));
    await rm(join(place.folder, ".dib-before/package.json"));
    const snapshot = await takeSnapshot(place, exec, () => expect.unreachable("nothing was to be put back"));
    snapshot.keepChange();
    await snapshot[Symbol.asyncDispose]();
    expect(Object.keys(await place.tree())).toEqual(changed);
  });
});

test("where node_modules is a mount point its content is put back, also by the next dib", async ({ skip }) => {
  if (!isRoot) return skip(needsRoot);
  await using place = await openPlace();
  const modules = join(place.folder, "node_modules");
  const volume = join(place.folder, "..", "volume");
  await cp(modules, volume, { recursive: true });
  execFileSync("mount", ["--bind", volume, modules]);
  try {
    const before = Object.keys(await place.tree());
    const snapshot = await takeSnapshot(place, exec);
    await spoilPackages(place);
    await snapshot[Symbol.asyncDispose]();
    expect(Object.keys(await place.tree())).toEqual(before);

    await cutOff(place);
    await restoreCutOff(place, exec, () => {});
    expect(Object.keys(await place.tree())).toEqual(before);
  } finally {
    execFileSync("umount", [modules]);
  }
});

describe("what the file system refuses has a code:", () => {
  test("PROJECT_UNWRITABLE, when the folder may not be written", async ({ skip }) => {
    await using place = await openPlace();
    if (isRoot) {
      const bound = spawnSync("mount", ["--bind", "-o", "ro", place.folder, place.folder]);
      if (bound.status !== 0) return skip(needsRoot);
    } else await chmod(place.folder, 0o555);
    try {
      await expect(takeSnapshot(place, exec)).rejects.toMatchObject({
        code: "PROJECT_UNWRITABLE",
        kind: "host",
        context: { folder: place.folder },
      });
    } finally {
      if (isRoot) execFileSync("umount", [place.folder]);
      else await chmod(place.folder, 0o755);
    }
  });

  test("SPACE_EXHAUSTED, when it is full, and nothing is left of the snapshot", async ({ skip }) => {
    if (!isRoot) return skip(needsRoot);
    await using place = await openPlace();
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=1m", "tmpfs", place.folder]);
    try {
      await place.write("package.json", "x".repeat(600 * 1024));
      await expect(takeSnapshot(place, exec)).rejects.toMatchObject({ code: "SPACE_EXHAUSTED", kind: "space" });
      expect(existsSync(join(place.folder, ".dib-before"))).toBe(false);
    } finally {
      execFileSync("umount", [place.folder]);
    }
  });
});
