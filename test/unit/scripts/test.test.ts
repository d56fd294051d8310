import { spawnSync } from "node:child_process";
import { copyFileSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { root } from "../../house/source.js";
import { tempFolder } from "../../support/temp-folder.js";

test("npm test on a machine that can't be set up, or sources that don't compile, fails and still counts", async () => {
  await using project = await tempFolder();
  mkdirSync(join(project.path, "scripts"));
  copyFileSync(join(root, "scripts/test"), join(project.path, "scripts/test"));
  writeFileSync(join(project.path, "scripts/setup"), "echo 'a.ts(1,1): error TS1005'; exit 2\n");
  const { status, stdout } = spawnSync("bash", [join(project.path, "scripts/test")], { encoding: "utf8" });
  expect({ status, lines: stdout.trimEnd().split("\n") }).toEqual({
    status: 1,
    lines: ["a.ts(1,1): error TS1005", "0 passed, 1 failed, 0 skipped"],
  });
});
