/** The other two disk layouts, each booted by the firmware that it is for. Both at once: builds must not meet. */
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { describe, test } from "vitest";
import { bootDebian, buildDebian, formats } from "../../support/debian-build.js";
import { hostNodesIn, listOutput } from "../../support/output-listing.js";
import { e2eFolder } from "../../support/e2e-folder.js";

describe.concurrent("debian vm", () => {
  test.for([
    ["block-device-gpt", "bios"],
    ["block-device-efi", "uefi"],
  ] as const)(
    "with %s has sound outputs, and boots under %s to a login with no failed unit",
    async ([layout, firmware], { expect }) => {
      const folder = join(e2eFolder, layout);
      await buildDebian(folder, [layout]);
      const run = (file: string, ...args: string[]) => execFileSync(file, args, { cwd: folder }).toString();
      for (const sum of ["sha256", "md5"]) {
        expect(run(`${sum}sum`, "-c", ...formats.map((format) => `debian.${format}.${sum}`))).toBe(
          formats.map((format) => `debian.${format}: OK\n`).join(""),
        );
      }
      expect(run("qemu-img", "check", "debian.qcow2")).toContain("No errors were found");
      expect(run("qemu-img", "info", "debian.qcow2")).toContain("compression type: zstd");
      expect(run("qemu-img", "compare", "debian.qcow2", "debian.raw")).toContain("Images are identical");
      for (const format of formats) {
        const listing = listOutput(join(folder, "debian"), format);
        expect(listing).toMatch(/\/etc\/os-release/);
        expect(hostNodesIn(listing), format).toEqual([]);
      }

      const booted = await bootDebian(folder, "--firmware", firmware);
      expect(booted, booted.stdout.slice(-3000)).toMatchObject({ exitCode: 0 });
    },
  );
});
