import { statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { planHandedOver, readHandedOver } from "@dibjs/core/block-device/handed-over.js";
import { deviceNumber } from "@dibjs/core/block-device/device-number.js";
import type { Exec } from "@dibjs/core/process/exec.js";
import { efiDisk, plannedDisk } from "../../../support/toy-disk.js";
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
    const refused = readHandedOver({ device, script }, folder.path, exec);
    await expect(refused).rejects.toMatchObject({ code: "BLOCK_DEVICE_FOREIGN", context: { device } });
    expect(asked).toEqual([]);
  });

  test("is refused when its file lies elsewhere, also behind a link in the build's folder", async () => {
    await using folder = await tempFolder();
    await using elsewhere = await tempFolder();
    const foreign = join(elsewhere.path, "foreign.raw");
    writeFileSync(foreign, "");
    symlinkSync(foreign, join(folder.path, "own.raw"));
    const refused = readHandedOver({ device: "/dev/loop0", script }, folder.path, over(foreign));
    await expect(refused).rejects.toMatchObject({ code: "BLOCK_DEVICE_FOREIGN" });
  });
});

test("the layout on it is the planned root alone, with its own options", () => {
  const given = new Map([
    ["image0", { device: "/dev/loop7", image: "/i/own.raw", offsetBytes: 0, sizeBytes: 2 }],
    ["root", { device: "/dev/loop7p1", offsetBytes: 1, sizeBytes: 1 }],
  ]);
  const planned = plannedDisk(efiDisk);
  const { nodes, mountPoints, rootLabel } = planHandedOver(planned, given);
  expect(nodes.map(({ type, name, base }) => [type, name, base])).toEqual([
    ["local_loop", "image0", undefined],
    ["partitioning", "root", "image0"],
    ["mkfs", "mkfs_root", "root"],
    ["mount", "mount_mkfs_root", "mkfs_root"],
    ["fstab", "fstab_mount_mkfs_root", "mount_mkfs_root"],
  ]);
  expect({ mountPoints, rootLabel }).toEqual({ mountPoints: ["/"], rootLabel: planned.rootLabel });
});
