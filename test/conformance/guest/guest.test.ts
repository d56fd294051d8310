import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { repository, runInGuest } from "../../support/guest/guest.js";
import { tempFolder } from "../../support/temp-folder.js";

const dib = `${repository}/packages/cli/bin/dib.js`;

test("a guest has device mapper, vfat and the project's own build, and hands back what a command says and writes", async () => {
  await using folder = await tempFolder();
  const command = `
    cat /job/told
    modprobe -a dm_mod vfat
    test -e /sys/class/misc/device-mapper && grep -ow vfat /proc/filesystems
    node ${dib} --version | head -1
    echo written > ${folder.path}/file
    echo wrong >&2
    exit 7`;
  const result = await runInGuest({
    command,
    files: { told: "told\n" },
    share: [{ folder: folder.path, isWritable: true }],
    timeoutSeconds: 300,
  });
  const { version } = JSON.parse(readFileSync(join(repository, "packages/cli/package.json"), "utf8")) as {
    version: string;
  };
  expect(result).toMatchObject({ exitCode: 7, stderr: "wrong\n" });
  expect(result.stdout).toMatch(/^told\nvfat\n/);
  expect(result.stdout).toContain(version);
  expect(readFileSync(join(folder.path, "file"), "utf8")).toBe("written\n");
});

test("a partition node of a loop device is udev's work in a guest that has it", async () => {
  const command = `
    truncate -s 64M disk
    printf 'label: gpt\\nsize=16MiB, name=first\\n' | sfdisk -q disk
    losetup -P -f disk
    udevadm settle
    ls /dev/disk/by-partlabel`;
  const { stdout } = await runInGuest({ command, hasUdev: true, timeoutSeconds: 300 });
  expect(stdout).toBe("first\n");
});

test("a guest that does not come to an end is killed in time, and its command told", async () => {
  await expect(runInGuest({ command: "echo begun; sleep 1000", timeoutSeconds: 60 })).rejects.toThrow(
    /within 60 s:[^]*begun/,
  );
});
