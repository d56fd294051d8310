import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { addPackageInstalls, type PackageInstalls } from "@dibjs/element-base/package-installs.js";

const file = new URL("../../../packages/element-bootloader/elements/bootloader/package-installs.yaml", import.meta.url);

test.each([
  ["amd64", "mbr", "grub-bios"],
  ["amd64", "gpt", "grub-bios"],
  ["amd64", "efi", "grub-efi-x86"],
  ["amd64", "", "grub-bios"],
  ["arm64", "efi", "grub-efi-arm"],
  ["arm64", "", "grub-efi-arm"],
])("on %s with the layout %j there is a GRUB to configure: %s", (arch, layout, name) => {
  const installs: PackageInstalls = {};
  const env = { ARCH: arch, DIB_BLOCK_DEVICE: layout, DIB_SKIP_GRUB_PACKAGE_INSTALL: "False" };
  addPackageInstalls(installs, { element: "bootloader", file: file.pathname, text: readFileSync(file, "utf8") }, env);
  expect(installs["install.d"]?.install).toEqual([[name, "bootloader"]]);
});
