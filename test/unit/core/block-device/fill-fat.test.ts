import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fillFat } from "@dibjs/core/block-device/fill-fat.js";
import type { Exec } from "@dibjs/core/process/exec.js";
import { expect, test } from "vitest";
import { tempFolder } from "../../../support/temp-folder.js";

test("a link is refused, as a mounted FAT file system refuses it, and not left out", async () => {
  await using temp = await tempFolder();
  mkdirSync(join(temp.path, "EFI/debian"), { recursive: true });
  writeFileSync(join(temp.path, "EFI/loader"), "");
  symlinkSync("../loader", join(temp.path, "EFI/debian/link"));
  const exec: Exec = async () => ({ exitCode: 0, signal: undefined, stdout: "", stderr: "" });
  const request = {
    node: { type: "mount", name: "mount_esp", values: {} },
    exec,
    signal: new AbortController().signal,
  };
  await expect(fillFat(temp.path, "/dev/none", request)).rejects.toMatchObject({
    code: "BLOCK_DEVICE_NODE_FAILED",
    message: expect.stringContaining("/EFI/debian/link is neither a file nor a folder") as string,
  });
});
