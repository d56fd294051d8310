import { chmod, mkdir, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { tempFolder } from "../../support/temp-folder.js";
import { diffTrees, snapshotTree } from "@dibjs/testkit";

test("a difference names what was added, deleted and changed: mode, content and target, not dates", async () => {
  await using temp = await tempFolder();
  const at = (path: string) => join(temp.path, path);
  await mkdir(at("etc"));
  for (const name of ["same", "edited", "mode", "gone"]) await writeFile(at(`etc/${name}`), "text", { mode: 0o644 });
  await symlink("same", at("link"));
  const before = await snapshotTree(temp.path);

  await writeFile(at("etc/same"), "text");
  await writeFile(at("etc/edited"), "Text");
  await chmod(at("etc/mode"), 0o4755);
  await rm(at("etc/gone"));
  await mkdir(at("etc/new"), { mode: 0o700 });
  await rm(at("link"));
  await symlink("edited", at("link"));
  const diff = diffTrees(before, await snapshotTree(temp.path));

  expect(Object.keys(diff.added)).toEqual(["/etc/new"]);
  expect(diff.added["/etc/new"]).toEqual({
    kind: "folder",
    mode: 0o700,
    owner: `${process.getuid?.()}:${process.getgid?.()}`,
  });
  expect(Object.keys(diff.deleted)).toEqual(["/etc/gone"]);
  expect(Object.keys(diff.changed).sort()).toEqual(["/etc/edited", "/etc/mode", "/link"]);
  expect(diff.changed["/etc/mode"]?.after.mode).toBe(0o4755);
  expect(diff.changed["/link"]).toMatchObject({ before: { content: "same" }, after: { content: "edited" } });
});
