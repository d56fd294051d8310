import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { containerConfig } from "@dibjs/core/formats/container-config.js";
import { expect, test } from "vitest";
import { tempFolder } from "../../../support/temp-folder.js";

test.each([
  ["nothing", () => {}, "/bin/sh"],
  ["bash behind the link of a merged /usr", (root: string) => linkBin(root, "/usr/bin", "usr/bin"), "/bin/bash"],
  ["a link to the host's folder of programs alone", (root: string) => linkBin(root, "/usr/bin"), "/bin/sh"],
] as const)("the command of an image with %s", async (_, fill, command) => {
  await using temp = await tempFolder();
  fill(temp.path);
  expect(await containerConfig("armhf", temp.path)).toMatchObject({ command: [command], architecture: "arm" });
});

function linkBin(root: string, to: string, withBash?: string): void {
  symlinkSync(to, join(root, "bin"));
  if (withBash === undefined) return;
  mkdirSync(join(root, withBash), { recursive: true });
  writeFileSync(join(root, withBash, "bash"), "");
}
