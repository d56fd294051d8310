/** LVM and encryption by the commands of `dib block-device`; device mapper's programs only note how they were called. */
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  blockDeviceVariables,
  createBlockDevice,
  deleteBlockDevice,
  initBlockDevice,
  unmountBlockDevice,
  writeBlockDeviceFstab,
  type BlockDeviceServices,
} from "@dibjs/core";
import { createExec, type Exec } from "@dibjs/core/process/exec.js";
import { expect, test } from "vitest";
import { BlockDeviceFolder } from "../support/block-device-folder.js";

const uuid = "11111111-2222-3333-4444-555555555555";
const layout = (passphrase: string) => `
- local_loop: { name: image0 }
- partitioning:
    base: image0
    label: gpt
    partitions:
      - { name: data, size: 20MiB }
      - { name: volumes, size: 20MiB }
- luks:
    name: dib-test-crypt
    base: data
    uuid: ${uuid}
    passphrase: ${passphrase}
    crypttab: { options: "luks,discard" }
- lvm:
    name: lvm
    pvs: [{ name: pv, base: volumes, options: [--force] }]
    vgs: [{ name: dib-test-vg, base: [pv] }]
    lvs: [{ name: lv_root, base: dib-test-vg, size: 8MiB }, { name: lv_rest, base: dib-test-vg, extents: 100%FREE }]
`;

const mapped = /^(cryptsetup|pvcreate|vgcreate|lvcreate|lvchange|vgchange|vgs|udevadm|blockdev)$/;

/** Real loop devices; what needs device mapper is written down, with what it reads. */
function recorded(): { exec: Exec; ran: string[]; read: string[] } {
  const [ran, read]: [string[], string[]] = [[], []];
  const real = createExec();
  const exec: Exec = async (file, args, options) => {
    if (!mapped.test(file)) return await real(file, args, options);
    ran.push([file, ...args].join(" ").replace(/\/dev\/loop\d+/g, "LOOP"));
    if (options?.input !== undefined) read.push(String(options.input));
    return { exitCode: 0, signal: undefined, stdout: file === "blockdev" ? "4194304" : "", stderr: "" };
  };
  return { exec, ran, read };
}

const passphrases: readonly (readonly [string, (folder: BlockDeviceFolder) => string])[] = [
  ["variable", () => "{ variable: DISK_PASSPHRASE }"],
  ["file", ({ path }) => `{ file: ${path}/key }`],
];

test.each(passphrases)(
  "made, its files written, deleted and made again, with a passphrase from a %s",
  async (_, written) => {
    using folder = new BlockDeviceFolder("");
    writeFileSync(join(folder.path, "config.yaml"), layout(written(folder)));
    writeFileSync(join(folder.path, "key"), "from a file\n");
    const parameters = await folder.read();
    const { exec, ran, read } = recorded();
    const services: BlockDeviceServices = {
      ...folder.services(exec),
      environment: { DISK_PASSPHRASE: "from a file", OTHER: "no" },
    };
    await initBlockDevice(parameters);
    await createBlockDevice(parameters, services);
    expect(read).toEqual(["from a file", "from a file"]);
    expect(ran.filter((command) => /^(pv|vg|lv)create/.test(command))).toEqual([
      "pvcreate LOOPp2 --force",
      "vgcreate dib-test-vg LOOPp2",
      "lvcreate --name lv_root -L 8388608B dib-test-vg",
      "lvcreate --name lv_rest -l 100%FREE dib-test-vg",
    ]);
    const volume = (name: string, size: string | null, extents: string | null) => ({
      ...{ device: `/dev/mapper/dib--test--vg-${name}`, vgs: "dib-test-vg", size, extents, opts: [] },
    });
    expect(folder.json("state.json")).toMatchObject({
      blockdev: {
        "dib-test-crypt": { device: "/dev/mapper/dib-test-crypt", "luks-uuid": uuid },
        lv_root: volume("lv_root", "8MiB", null),
        lv_rest: volume("lv_rest", null, "100%FREE"),
      },
      pvs: { pv: { device: expect.stringMatching(/^\/dev\/loop\d+p2$/) as string, opts: ["--force"] } },
      vgs: { "dib-test-vg": { devices: ["pv"], opts: [] } },
      crypttab: { "dib-test-crypt": { options: "luks,discard", "key-file": "none" } },
    });
    await writeBlockDeviceFstab(parameters);
    expect(readFileSync(join(folder.path, "build/built/etc/crypttab"), "utf8")).toBe(
      `dib-test-crypt UUID=${uuid} none luks,discard\n`,
    );
    ran.splice(0);
    await unmountBlockDevice(parameters, services);
    expect(ran).toEqual([
      ...["lv_rest", "lv_root"].map((name) => `lvchange -an /dev/dib-test-vg/${name}`),
      ...["udevadm settle", "vgchange -an dib-test-vg"],
    ]);
    await deleteBlockDevice(parameters, services);
    expect([existsSync(folder.stateDir), readdirSync(join(folder.path, "images")), folder.held()]).toEqual([
      false,
      [],
      [],
    ]);
    await initBlockDevice(parameters);
    await createBlockDevice(parameters, services);
    await deleteBlockDevice(parameters, services);
    expect([readdirSync(join(folder.path, "images")), folder.held()]).toEqual([[], []]);
  },
);

test("without its passphrase nothing is left, and the names of the variables can be asked for", async () => {
  using folder = new BlockDeviceFolder(layout("{ variable: DISK_PASSPHRASE }"));
  const parameters = await folder.read();
  expect(blockDeviceVariables(parameters)).toEqual([]);
  await initBlockDevice(parameters);
  expect(blockDeviceVariables(parameters)).toEqual(["DISK_PASSPHRASE"]);
  await expect(createBlockDevice(parameters, folder.services(recorded().exec))).rejects.toMatchObject({
    code: "BLOCK_DEVICE_SECRET_UNUSABLE",
  });
  expect([readdirSync(join(folder.path, "images")), folder.held()]).toEqual([[], []]);
});

test("a group that can't be given back keeps the settings that lead lvm to it, and is given back later", async () => {
  using folder = new BlockDeviceFolder(layout("{ variable: DISK_PASSPHRASE }"));
  const parameters = await folder.read();
  const { exec, ran } = recorded();
  const services = { ...folder.services(exec), environment: { DISK_PASSPHRASE: "x" } };
  await initBlockDevice(parameters);
  await createBlockDevice(parameters, services);
  const busy: Exec = async (file, args, options) => {
    if (file === "vgchange") throw new Error("it is in use");
    return await exec(file, args, options);
  };
  await expect(unmountBlockDevice(parameters, { ...services, exec: busy })).rejects.toMatchObject({
    code: "RELEASE_FAILED",
    message: expect.stringContaining("volume group dib-test-vg (it is in use)") as string,
  });
  const { loans } = folder.json("nodes.json") as { loans: { loan: string; data: { systemDir?: string } }[] };
  expect(loans.map(({ loan }) => loan)).toEqual(["lvm-system", "volume-group"]);
  expect(existsSync(join(loans[0]?.data.systemDir ?? "", "lvm.conf"))).toBe(true);
  ran.splice(0);
  await unmountBlockDevice(parameters, services);
  expect(ran).toEqual(["udevadm settle", "vgchange -an dib-test-vg"]);
  expect(readdirSync(join(folder.path, "images"))).toEqual(["image0.raw"]);
});
