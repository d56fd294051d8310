import { statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { planHandedOver, readHandedOver } from "@dibjs/core/block-device/handed-over.js";
import { deviceNumber } from "@dibjs/core/block-device/device-number.js";
import type { PlannedDisk } from "@dibjs/core/plan/plan.js";
import type { BuildEvent } from "@dibjs/core/report/events.js";
import type { Exec } from "@dibjs/core/process/exec.js";
import { efiDisk, mbrDisk, plannedDisk } from "../../../support/toy-disk.js";
import { tempFolder } from "../../../support/temp-folder.js";

const script = { phase: "block-device", element: "old", script: "10-own" };

/** losetup on a host where each loop device is over that file. */
const over =
  (file: string): Exec =>
  async () => {
    const { ino, dev } = statSync(file, { bigint: true });
    const { major, minor } = deviceNumber(dev);
    return { exitCode: 0, signal: undefined, stdout: `${ino} ${major}:${minor}\n`, stderr: "" };
  };

describe("a device that a script hands over", () => {
  test.each([
    ...[
      "/dev/sda",
      "/dev/vda1",
      "/dev/mapper/loop0p1",
      "/dev/dm-0",
      "loop0",
      "/dev/loop",
      "/dev/loop0p",
      "/dev/loop0 ",
    ],
    ...["/dev/loop0/../vda", "//dev/loop0", "/dev/loop0;true", "$(echo /dev/loop0)", "/dev/loop0\u0000"],
  ])("is refused without a look at it: %j", async (device) => {
    const asked: string[] = [];
    const exec: Exec = async (file) => {
      asked.push(file);
      throw new Error("ran");
    };
    await using folder = await tempFolder();
    writeFileSync(join(folder.path, "own.raw"), "");
    const refused = readHandedOver({ device, script }, folder.path, plannedDisk(efiDisk), exec);
    await expect(refused).rejects.toMatchObject({ code: "BLOCK_DEVICE_FOREIGN", context: { device } });
    expect(asked).toEqual([]);
  });

  test("is refused when its file lies elsewhere, also behind a link in the build's folder", async () => {
    await using folder = await tempFolder();
    await using elsewhere = await tempFolder();
    const foreign = join(elsewhere.path, "foreign.raw");
    writeFileSync(foreign, "");
    symlinkSync(foreign, join(folder.path, "own.raw"));
    const refused = readHandedOver({ device: "/dev/loop0", script }, folder.path, plannedDisk(efiDisk), over(foreign));
    await expect(refused).rejects.toMatchObject({ code: "BLOCK_DEVICE_FOREIGN" });
  });
});

describe("the layout on it", () => {
  const device = "/dev/loop7p1";
  const given = new Map([
    ["image0", { device: "/dev/loop7", image: "/i/own.raw", offsetBytes: 0, sizeBytes: 2 }],
    ["root", { device, offsetBytes: 1, sizeBytes: 1 }],
  ]);
  const plan = (planned: PlannedDisk, events: BuildEvent[] = []) =>
    planHandedOver(planned, given, { device, script }, (event) => void events.push(event));

  test("is the planned root alone, with its own options; what else there was is told", () => {
    const events: BuildEvent[] = [];
    const planned = plannedDisk(efiDisk);
    const { nodes, mountPoints, rootLabel } = plan(planned, events);
    expect(nodes.map(({ type, name, base }) => [type, name, base])).toEqual([
      ["local_loop", "image0", undefined],
      ["partitioning", "root", "image0"],
      ["mkfs", "mkfs_root", "root"],
      ["mount", "mount_mkfs_root", "mkfs_root"],
      ["fstab", "fstab_mount_mkfs_root", "mount_mkfs_root"],
    ]);
    expect({ mountPoints, rootLabel }).toEqual({ mountPoints: ["/"], rootLabel: planned.rootLabel });
    const lost = "with partitioning ESP, partitioning BSP, mkfs mkfs_ESP, mount /boot/efi";
    const text = `block-device.d/10-own of element old hands over ${device} as the disk`;
    expect(events).toEqual([
      { type: "note", level: "warning", text: expect.stringMatching(`^${text}.* ${lost}$`) as string },
    ]);
  });

  test("has nothing to tell where the layout was a root alone", () => {
    const events: BuildEvent[] = [];
    plan(plannedDisk(mbrDisk), events);
    expect(events).toEqual([]);
  });

  const onDisk = (more: string) => `
- local_loop: { name: image0 }
- partitioning:
    base: image0
    label: gpt
    partitions:
      - { name: first, size: 40% }
      - { name: second, size: 100% }
${more}`;
  const root = (base: string) => `- mkfs: { base: ${base}, name: mkfs_root, type: ext4, mount: { mount_point: / } }`;
  const luks = (base: string) => `- luks: { name: crypt, base: ${base}, passphrase: { variable: DISK_PASSPHRASE } }`;
  const lvm = `- lvm: { name: volumes, pvs: [{ name: pv, base: second }], vgs: [{ name: vg, base: [pv] }], lvs: [{ name: lv, base: vg, size: 1GiB }] }`;

  test.each([
    ["an encrypted root", `${luks("first")}\n${root("crypt")}`, ["luks crypt"]],
    [
      "encryption elsewhere",
      `${root("first")}\n${luks("second")}\n- mkfs: { base: crypt, type: ext4, mount: { mount_point: /var } }`,
      ["luks crypt"],
    ],
    ["a root on LVM", `${lvm}\n${root("lv")}`, ["lvm pv", "lvm vg", "lvm lv"]],
  ])("never loses %s without a word: refused", (_, more, lost) => {
    expect(() => plan(plannedDisk(onDisk(more)))).toThrow(
      expect.objectContaining({
        code: "BLOCK_DEVICE_LAYOUT_LOST",
        context: expect.objectContaining({ lost }) as object,
      }),
    );
  });
});
