/** The other two disk layouts, each booted by the firmware that it is for. */
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { debianEnvironment } from "../support/debian-build.js";
import { runDib } from "../support/dib.js";
import { e2eFolder } from "../support/e2e-folder.js";

test.each([
  ["block-device-gpt", "bios"],
  ["block-device-efi", "uefi"],
])("debian-minimal with %s boots under %s to a login", async (layout, firmware) => {
  const folder = join(e2eFolder, layout);
  await mkdir(folder, { recursive: true });
  const built = await runDib(["build", "debian-minimal", "vm", layout, "-o", "image"], {
    cwd: folder,
    env: await debianEnvironment(),
  });
  expect(built, built.stderr.slice(-3000)).toMatchObject({ exitCode: 0 });
  const booted = await runDib(["boot", "image.qcow2", "--firmware", firmware, "--expect", "login:", "--timeout", "400"], {
    cwd: folder,
  });
  expect(booted, booted.stdout.slice(-3000)).toMatchObject({ exitCode: 0 });
});
