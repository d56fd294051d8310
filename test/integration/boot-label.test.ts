/** The kernel line that the element `bootloader` writes for a `/boot` of its own, with programs that do nothing. */
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { fakePrograms } from "../support/run-script.js";
import { tempFolder } from "../support/temp-folder.js";

const script = fileURLToPath(
  new URL("../../packages/element-bootloader/elements/bootloader/finalise.d/50-bootloader", import.meta.url),
);
const env = {
  ...{ ARCH: "amd64", IMAGE_BLOCK_DEVICE: "/dev/null", DIB_BLOCK_DEVICE: "", DIB_ROOT_LABEL: "top" },
  ...{ DIB_BOOT_LABEL: "boots", DIB_BOOTLOADER_VIRTUAL_TERMINAL: "tty0", DIB_BOOTLOADER_USE_SERIAL_CONSOLE: "False" },
  ...{ DIB_NO_TIMER_CHECK: "False", DIB_GRUB_TIMEOUT: "1", DIB_GRUB_TIMEOUT_STYLE: "menu" },
};

/** In mounts of its own: it writes where the chroot of an image would be. */
const inOwnFolders = `mount -t tmpfs tmpfs /boot && mount -t tmpfs tmpfs /etc/default && bash "$0" && cat /etc/default/grub`;

test.each([
  ["initramfs-tools, which takes boot= for a script that mounts the root", ["update-initramfs"], "console=tty0"],
  ["dracut, which looks for /boot with FIPS", [], "console=tty0 boot=LABEL=boots"],
])("%s", async (_, more, line) => {
  await using folder = await tempFolder();
  const programs = Object.fromEntries(["grub-install", "grub-mkconfig", ...more].map((name) => [name, "true"]));
  const path = `${fakePrograms(join(folder.path, "bin"), programs)}:/usr/bin:/bin`;
  const ran = spawnSync("unshare", ["--mount", "bash", "-c", inOwnFolders, script], {
    env: { ...env, PATH: path },
    encoding: "utf8",
  });
  expect(ran.stdout, ran.stderr).toContain(`GRUB_CMDLINE_LINUX_DEFAULT="${line}"\n`);
});
