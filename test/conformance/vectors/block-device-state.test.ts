import { existsSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { expect } from "vitest";
import {
  cleanUpBlockDevice,
  createBlockDevice,
  deleteBlockDevice,
  getBlockDeviceValue,
  initBlockDevice,
  unmountBlockDevice,
  writeBlockDeviceFstab,
} from "@dibjs/core";
import { createExec, type Exec } from "@dibjs/core/process/exec.js";
import { BlockDeviceFolder } from "../../support/block-device-folder.js";
import { vector } from "../../support/vectors.js";
import type { VectorId } from "./sources.js";

const disk = `
- local_loop: { name: image0 }
- partitioning:
    base: image0
    label: mbr
    partitions:
      - { name: boot, size: 16MiB, flags: [boot, primary], mkfs: { type: ext2, opts: "-m 0", mount: { mount_point: /boot, fstab: {} } } }
      - { name: root, size: 100%, flags: [primary], mkfs: { mount: { mount_point: /, fstab: { options: noatime, fsck-passno: 1 } } } }
`;

vector("state/create", async () => {
  using folder = new BlockDeviceFolder(disk);
  const parameters = await folder.read();
  await initBlockDevice(parameters);
  await createBlockDevice(parameters, folder.services());
  const mnt = join(folder.path, "build/mnt");
  const device = getBlockDeviceValue("image-block-device", parameters);
  const uuid = expect.stringMatching(/^[0-9a-f-]{36}$/) as string;
  expect(folder.json("state.json")).toEqual({
    blockdev: {
      image0: { device, image: join(folder.path, "images/image0.raw") },
      boot: { device: `${device}p1` },
      root: { device: `${device}p2` },
    },
    filesys: {
      mkfs_boot: { uuid, label: "mkfs_boot", fstype: "ext2", opts: ["-m", "0"], device: `${device}p1` },
      mkfs_root: { uuid, label: "cloudimg-rootfs", fstype: "ext4", opts: [], device: `${device}p2` },
    },
    mount: {
      "/": { name: "mount_mkfs_root", base: "mkfs_root", path: mnt },
      "/boot": { name: "mount_mkfs_boot", base: "mkfs_boot", path: join(mnt, "boot") },
    },
    mount_order: ["/", "/boot"],
    fstab: {
      mount_mkfs_root: {
        name: "fstab_mount_mkfs_root",
        base: "mount_mkfs_root",
        options: "noatime",
        "dump-freq": 0,
        "fsck-passno": 1,
      },
      mount_mkfs_boot: {
        name: "fstab_mount_mkfs_boot",
        base: "mount_mkfs_boot",
        options: "defaults",
        "dump-freq": 0,
        "fsck-passno": 2,
      },
    },
  });
  await writeBlockDeviceFstab(parameters);
  expect(readFileSync(join(folder.path, "build/built/etc/fstab"), "utf8")).toBe(
    "LABEL=cloudimg-rootfs / ext4 noatime 0 1\nLABEL=mkfs_boot /boot ext2 defaults 0 2\n",
  );
  expect(await unmountBlockDevice(parameters, folder.services())).toBe(true);
  const unmounted = folder.events.flatMap((event) => (event.type === "unmount" ? [event.target] : []));
  expect(unmounted).toEqual([join(mnt, "boot"), mnt]);
  expect(folder.held()).toEqual([]);
  await cleanUpBlockDevice(parameters, folder.services());
  expect(existsSync(folder.stateDir)).toBe(false);
  expect(readdirSync(join(folder.path, "images"))).toEqual(["image0.raw"]);
  expect(await unmountBlockDevice(parameters, folder.services())).toBe(false);
});

vector("state/missing", async () => {
  using folder = new BlockDeviceFolder(disk);
  const parameters = await folder.read();
  await initBlockDevice(parameters);
  await createBlockDevice(parameters, folder.services());
  await unmountBlockDevice(parameters, folder.services());
  for (const file of ["state.json", "nodes.json"]) rmSync(join(folder.stateDir, file));
  const saying = (text: string) => ({
    code: "BLOCK_DEVICE_STATE_MISSING",
    message: expect.stringContaining(text) as string,
  });
  expect(() => getBlockDeviceValue("image-path", parameters)).toThrow(
    expect.objectContaining(saying("State dump not found")) as Error,
  );
  await expect(writeBlockDeviceFstab(parameters)).rejects.toMatchObject(saying("State dump not found"));
  const services = folder.services();
  await expect(deleteBlockDevice(parameters, services)).rejects.toMatchObject(saying("Pickle file not found"));
  await expect(cleanUpBlockDevice(parameters, services)).rejects.toMatchObject(saying("Pickle file not found"));
});

vector("state/rollback", async () => {
  using folder = new BlockDeviceFolder(disk);
  const parameters = await folder.read();
  const real = createExec();
  const undone: string[] = [];
  const exec: Exec = (file, args, options) => {
    if (file === "umount" || (file === "partx" && args.includes("--nr") && args.includes("-d")))
      undone.push(args[2] ?? "");
    if (file === "losetup" && args[0] === "-d") undone.push("loop");
    if (file === "mount" && args.at(-1)?.endsWith("/boot") === true)
      return Promise.resolve({ exitCode: 32, signal: undefined, stdout: "", stderr: "injected" });
    return real(file, args, options);
  };
  await initBlockDevice(parameters);
  await expect(createBlockDevice(parameters, folder.services(exec))).rejects.toMatchObject({ code: "MOUNT_FAILED" });
  expect(undone.map((what) => (what === "" ? "/" : what))).toEqual(["/", "2", "1", "loop"]);
  expect(folder.held()).toEqual([]);
  expect(readdirSync(join(folder.path, "images"))).toEqual([]);
  expect(folder.json("state.json")).toMatchObject({ mount_order: ["/"], filesys: { mkfs_boot: { fstype: "ext2" } } });
  await expect(deleteBlockDevice(parameters, folder.services())).rejects.toMatchObject({
    code: "BLOCK_DEVICE_STATE_MISSING",
  });
  await createBlockDevice(parameters, folder.services());
  await deleteBlockDevice(parameters, folder.services());
  expect([folder.held(), readdirSync(join(folder.path, "images"))]).toEqual([[], []]);
});

const labelled = disk
  .replace("type: ext2", "type: ext2, label: start")
  .replace("mkfs: { mount", "mkfs: { label: top, type: ext3, mount");
const fromConfig: readonly (readonly [VectorId, string, string, string])[] = [
  ["getval/root-label", "root-label", labelled, "top"],
  ["getval/root-label", "root-label", disk, "cloudimg-rootfs"],
  ["getval/root-fstype", "root-fstype", labelled, "ext3"],
  ["getval/root-fstype", "root-fstype", disk, "ext4"],
  ["getval/boot-label", "boot-label", labelled, "start"],
  ["getval/boot-label", "boot-label", disk, "mkfs_boot"],
  ["getval/boot-label", "boot-label", disk.replace("mount_point: /boot", "mount_point: /srv"), ""],
  ["getval/mount-points", "mount-points", disk, "/boot|/"],
];
for (const [id, symbol, config, value] of fromConfig)
  vector(
    id,
    async () => {
      using folder = new BlockDeviceFolder(config);
      const parameters = await folder.read();
      await initBlockDevice(parameters);
      expect(getBlockDeviceValue(symbol, parameters)).toBe(value);
    },
    JSON.stringify(value),
  );

const made: readonly (readonly [VectorId, string, (folder: string, device: string) => string])[] = [
  ["getval/image-path", "image-path", (folder) => join(folder, "images/disk.raw")],
  ["getval/image-block-device", "image-block-device", (_, device) => device],
  ["getval/image-block-devices", "image-block-devices", (_, device) => ` [disk]=${device} `],
];
for (const [id, symbol, value] of made)
  vector(id, async () => {
    using folder = new BlockDeviceFolder("- local_loop: { name: disk }");
    const parameters = await folder.read();
    await initBlockDevice(parameters);
    await createBlockDevice(parameters, folder.services());
    const { blockdev } = folder.json("state.json") as { blockdev: { disk: { device: string } } };
    expect(getBlockDeviceValue(symbol, parameters)).toBe(value(folder.path, blockdev.disk.device));
    await deleteBlockDevice(parameters, folder.services());
  });

vector("getval/unknown", async () => {
  using folder = new BlockDeviceFolder(disk);
  const parameters = await folder.read();
  await initBlockDevice(parameters);
  for (const symbol of ["image-block-partition", "toString"])
    expect(() => getBlockDeviceValue(symbol, parameters)).toThrow(
      expect.objectContaining({
        code: "USAGE_INVALID",
        message: `Invalid symbol [${symbol}] for getval.`,
      }) as Error,
    );
});

interface Merged {
  readonly parameters: Readonly<Record<string, unknown>>;
  readonly mkfs?: string;
  readonly gives: Readonly<Record<string, unknown>>;
}
const merged: readonly Merged[] = [
  { parameters: {}, gives: { type: "ext4", label: "cloudimg-rootfs" } },
  { parameters: { "root-fs-type": "xfs" }, gives: { type: "xfs", label: "img-rootfs" } },
  { parameters: { "root-label": "mine" }, gives: { type: "ext4", label: "mine" } },
  {
    parameters: { "root-fs-opts": "-i 4096 -J size=64" },
    gives: { type: "ext4", label: "cloudimg-rootfs", opts: "-i 4096 -J size=64" },
  },
  {
    parameters: { "root-fs-opts": "-i 4096", "root-label": "mine" },
    mkfs: "type: ext2, label: own, opts: -m 0,",
    gives: { type: "ext2", label: "own", opts: "-m 0" },
  },
];
for (const { parameters: more, mkfs = "", gives } of merged)
  vector(
    "mkfs-root/parameters",
    async () => {
      using folder = new BlockDeviceFolder(disk.replace("mkfs: { mount", `mkfs: { ${mkfs} mount`), more);
      await initBlockDevice(await folder.read());
      const config = folder.json("config.json") as Readonly<Record<string, { name: string }>>[];
      const root = config.map(({ mkfs: node }) => node).find((node) => node?.name === "mkfs_root");
      expect(root).toEqual({ name: "mkfs_root", base: "root", ...gives });
    },
    JSON.stringify({ ...more, mkfs }),
  );
