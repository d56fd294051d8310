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

test("npm test names at its end what failed in either of its two runs, and sums their counts", async () => {
  await using project = await tempFolder();
  for (const folder of ["scripts", "node_modules/.bin"]) mkdirSync(join(project.path, folder), { recursive: true });
  for (const script of ["test", "raise"])
    copyFileSync(join(root, "scripts", script), join(project.path, "scripts", script));
  writeFileSync(join(project.path, "scripts/setup"), "");
  const vitest = `#!/bin/bash
case "$*" in
  *e2e*) echo "failed: b.test.ts: boots"; echo "2 passed, 1 failed, 0 skipped" ;;
  *) echo "failed: a.test.ts: adds"; echo "3 passed, 1 failed, 1 skipped" ;;
esac
`;
  writeFileSync(join(project.path, "node_modules/.bin/vitest"), vitest, { mode: 0o755 });
  const { status, stdout } = spawnSync("bash", [join(project.path, "scripts/test")], { encoding: "utf8" });
  expect({ status, end: stdout.trimEnd().split("\n").slice(-4) }).toEqual({
    status: 1,
    end: [
      "failed: b.test.ts: boots",
      "2 passed, 1 failed, 0 skipped",
      "failed: a.test.ts: adds",
      "5 passed, 2 failed, 1 skipped",
    ],
  });
});
