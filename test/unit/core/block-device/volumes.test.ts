import { expect, test } from "vitest";
import { isOfGroup, namesOnHost, volumeDevice } from "@dibjs/core/block-device/device-mapper.js";
import { ConfigPlaces } from "@dibjs/core/block-device/config-places.js";
import { parseBlockDeviceConfig } from "@dibjs/core/block-device/parse-config.js";
import { formatLvmConf } from "@dibjs/core/block-device/lvm-system.js";
import { formatCrypttab } from "@dibjs/core/block-device/nodes/crypttab.js";
import { formatCommand } from "@dibjs/core/block-device/nodes/luks.js";
import { lvcreateCommand } from "@dibjs/core/block-device/nodes/lvm.js";
import { diskHostCommands, planDisk } from "@dibjs/core/block-device/plan-disk.js";
import { isBuildError } from "@dibjs/core/errors.js";
import { diskSettings, nodeTypes } from "../../../support/toy-disk.js";

const plan = (config: readonly unknown[]) => planDisk({ config, origin: "the test" }, diskSettings, nodeTypes);

function findings(config: readonly unknown[]): string {
  try {
    plan(config);
  } catch (error) {
    if (!isBuildError(error)) throw error;
    expect(["BLOCK_DEVICE_CONFIG_INVALID", "SEVERAL_FINDINGS"]).toContain(error.code);
    return error.message;
  }
  return "nothing";
}

const start = [
  { local_loop: { name: "image0" } },
  { partitioning: { base: "image0", label: "gpt", partitions: [{ name: "root", size: "100%" }] } },
];
const parts = {
  pvs: [{ name: "pv", base: "root" }],
  vgs: [{ name: "vg", base: ["pv"] }],
  lvs: [{ name: "lv", base: "vg", size: "1GiB" }],
};
const lvm = (more: Record<string, unknown>) => [...start, { lvm: { name: "lvm", ...parts, ...more } }];

test.each([
  [{ pvs: undefined }, "Lvm config requires a 'pvs'"],
  [{ vgs: undefined }, "Lvm config needs 'vgs'"],
  [{ lvs: undefined }, "Lvm config needs 'lvs'"],
  [{ lvs: [] }, "lvs must be a list of maps that is not empty"],
  [{ pvs: ["root"] }, "pvs must be a list of maps that is not empty"],
  [{ pvs: [{ base: "root" }] }, "Missing 'name' in pvs config"],
  [{ pvs: [{ name: "pv" }] }, "Missing 'base' in pvs_config"],
  [{ vgs: [{ base: ["pv"] }] }, "Missing 'name' in vgs config"],
  [{ vgs: [{ name: "vg" }] }, "Missing 'base' in vgs config"],
  [{ lvs: [{ base: "vg", size: "1G" }] }, "Missing 'name' in lvs config"],
  [{ lvs: [{ name: "lv", size: "1G" }] }, "Missing 'base' in lvs config"],
  [{ lvs: [{ name: "lv", base: "vg" }] }, "Missing 'size' or 'extents' in lvs config"],
  [{ lvs: [{ name: "lv", base: "vg", size: "50%" }] }, 'size "50%" must be a size of at least 4 MiB'],
  [{ lvs: [{ name: "lv", base: "vg", size: "1MiB" }] }, 'size "1MiB" must be a size of at least 4 MiB'],
  [{ lvs: [{ name: "lv", base: "vg", extents: "half" }] }, 'extents "half" must be a number, or a share'],
  [{ lvs: [{ name: "lv", base: "vg", size: "1G", "thin-pool": "pool" }] }, "thin-pool is for type thin only"],
  [
    { lvs: [{ name: "lv", base: "vg", size: "1G", type: "thin", "thin-pool": "pool" }] },
    "thin-pool pool is no thin-pool that the same vg has before",
  ],
  [{ vgs: [...parts.vgs, { name: "vg2", base: ["pv"] }] }, "pv is in more than one of the vgs"],
  [{ vgs: [{ name: "../vg", base: ["pv"] }] }, '"../vg" can\'t be a name for lvm'],
  [{ vgs: [{ name: "vg", base: ["pv"], options: ["/dev/sda"] }] }, 'the option "/dev/sda" can\'t be used'],
  [{ pvs: [{ name: "pv", base: "root", options: ["--config", "x"] }] }, 'the option "--config" can\'t be used'],
  [{ pvs: [{ name: "pv", base: "root", options: ["--conf=x"] }] }, 'the option "--conf=x" can\'t be used'],
  [{ name: "x/../../../etc/foo" }, 'lvm: "x/../../../etc/foo" can\'t be a name for lvm'],
  [{ name: 'a"\n}\ndevices {' }, "can't be a name for lvm"],
  [{ pvs: [{ name: "pv", base: "nowhere" }] }, "Edge not defined: nowhere->"],
  [
    { vgs: [{ name: "root", base: ["pv"] }], lvs: [{ name: "lv", base: "root", size: "1G" }] },
    "Duplicate node name: root",
  ],
])("lvm %#: %j is refused", (more, message) => {
  expect(findings(lvm(more))).toContain(message);
});

test("volumes come after their group, groups after their physical volumes, and the root's disk is the one below", () => {
  const [before, entry] = [{ mkfs: { name: "mkfs_root", base: "lv", mount: { mount_point: "/" } } }, lvm({})];
  const { nodes } = plan([before, ...entry].reverse());
  expect(nodes.map(({ name }) => name)).toEqual(
    expect.arrayContaining(["image0", "root", "lvm", "pv", "vg", "lv", "mkfs_root", "mount_mkfs_root"]),
  );
  const at = (name: string) => nodes.findIndex((node) => node.name === name);
  expect(["root", "lvm", "pv", "vg", "lv", "mkfs_root"].map(at)).toEqual(
    ["root", "lvm", "pv", "vg", "lv", "mkfs_root"].map(at).sort((a, b) => a - b),
  );
});

test("a hyphen in a name is written twice in the device's, so that groups are told apart", () => {
  expect(volumeDevice("my-vg", "lv-root")).toBe("/dev/mapper/my--vg-lv--root");
  const isOf = (name: string, group: string, uuid = "LVM-abc") => isOfGroup({ name, uuid }, group);
  expect(isOf("my--vg-lv--root", "my-vg")).toBe(true);
  expect(isOf("my--vg-lv--root", "my")).toBe(false);
  expect(isOf("vg-pool_tdata", "vg")).toBe(true);
  expect(isOf("vg2-root", "vg")).toBe(false);
  expect(isOf("vg-crypt", "vg", "CRYPT-LUKS2-abc-vg-crypt")).toBe(false);
});

test("lvm sees the devices of the build by their whole names, and no other", () => {
  const text = formatLvmConf("/work/lvm", ["/dev/loop0p1", "/dev/mapper/a.b"]);
  expect(text).toContain(String.raw`filter = [ "a|^/dev/loop0p1$|", "a|^/dev/mapper/a\\.b$|", "r|.*|" ]`);
  expect(text).toContain("udev_sync = 0");
  expect(formatLvmConf('/work/"a\\b', [])).toContain(String.raw`locking_dir = "/work/\"a\\b/lock"`);
});

test("a share of the group and options of the user's go to lvcreate as they are", () => {
  const values = { role: "lv", extents: "100%FREE", options: "--wipesignatures  y" };
  expect(lvcreateCommand({ type: "lvm", name: "lv", base: "vg", values }).join(" ")).toBe(
    "lvcreate --name lv -l 100%FREE --wipesignatures y vg",
  );
});

const luks = (values: Record<string, unknown>) => [
  ...start,
  { luks: { name: "crypt", base: "root", passphrase: { variable: "DIB_ROOT_PASSPHRASE" }, ...values } },
];

test.each([
  [{ passphrase: "open sesame" }, "passphrase must be { variable: NAME } or { file: PATH }"],
  [{ passphrase: { variable: "DIB_ROOT" } }, "the variable DIB_ROOT would be in the plan"],
  [{ passphrase: { file: "key" } }, "the passphrase file key must be an absolute path"],
  [{ passphrase: { variable: "DIB_ROOT_PASSPHRASE", file: "/key" } }, "passphrase must be"],
  [{ name: "control" }, 'luks name "control" must be usable as a device name'],
  [{ cipher: "aes; reboot" }, 'cipher "aes; reboot" can\'t be used'],
  [{ pbkdf: "md5" }, 'pbkdf "md5" can\'t be used'],
  [{ uuid: "1" }, 'uuid "1" can\'t be used'],
  [{ options: ["--key-file=/etc/shadow"] }, 'the option "--key-file=/etc/shadow" can\'t be used'],
  [{ options: ["--hash=sha1", "swapfile"] }, 'the option "swapfile" can\'t be used'],
  [{ crypttab: { options: "luks discard" } }, 'options "luks discard" must be one word'],
])("luks %#: %j is refused", (values, message) => {
  const told = findings(luks(values));
  expect(told).toContain(message);
  expect(told).not.toContain("open sesame");
});

test("an encrypted device can't have the name of a volume of the same disk", () => {
  expect(findings([...lvm({}), { luks: { name: "vg-lv", base: "lv", passphrase: { file: "/key" } } }])).toContain(
    "luks name vg-lv is what the volume vg/lv is called in /dev/mapper",
  );
});

test("luksFormat gets what is written, and the passphrase on its standard input", () => {
  const values = { cipher: "aes-xts-plain64", pbkdf: "pbkdf2", label: "top", options: ["--iter-time=100"] };
  expect(formatCommand({ type: "luks", name: "crypt", values }, "UUID", "DEV").join(" ")).toBe(
    "cryptsetup luksFormat --type luks2 --batch-mode --uuid UUID --label top --cipher aes-xts-plain64 --pbkdf pbkdf2 --iter-time=100 --key-file - DEV",
  );
});

test("crypttab has a line for each encrypted device that asks for one", () => {
  const at = { device: "DEV", offsetBytes: 0, sizeBytes: 0 };
  const blockdev = new Map([
    ["crypt", { ...at, luksUuid: "UUID" }],
    ["other", { ...at, luksUuid: "UUID2" }],
  ]);
  const crypttab = new Map([["crypt", { options: "luks,discard", keyFile: "none" }]]);
  expect(formatCrypttab({ blockdev, crypttab })).toBe("crypt UUID=UUID none luks,discard\n");
});

test("names and numbers of volumes are text as written, also where YAML 1.1 sees truths and octal numbers", () => {
  const text = `
- local_loop: { name: image0 }
- luks: { name: crypt, base: image0, cipher: no, pbkdf: 010, passphrase: { file: 0x10 }, crypttab: { key-file: yes } }
- lvm: { name: lvm, lvs: [{ name: root, thin-pool: on, extents: 010 }] }
`;
  const [, luksEntry, lvmEntry] = parseBlockDeviceConfig(text, new ConfigPlaces("the test"));
  expect(luksEntry).toMatchObject({
    luks: { cipher: "no", pbkdf: "010", passphrase: { file: "0x10" }, crypttab: { "key-file": "yes" } },
  });
  expect(lvmEntry).toMatchObject({ lvm: { lvs: [{ "thin-pool": "on", extents: "010" }] } });
});

/** What a layout must have, on a disk of its own. */
const aRoot = {
  local_loop: { name: "image1", mkfs: { name: "mkfs_root", type: "ext4", mount: { mount_point: "/" } } },
};

test("names of the host are taken in one order, whatever the layout's", () => {
  const { nodes } = plan([
    aRoot,
    ...luks({ name: "z-crypt" }),
    {
      lvm: {
        name: "lvm",
        pvs: [
          { name: "pv1", base: "root" },
          { name: "pv2", base: "z-crypt" },
        ],
        vgs: [
          { name: "vg2", base: ["pv1"] },
          { name: "a-vg", base: ["pv2"] },
        ],
        lvs: [{ name: "lv", base: "vg2", size: "1GiB" }],
      },
    },
  ]);
  expect(namesOnHost(nodes)).toEqual([
    { node: "lvm", name: "a-vg" },
    { node: "lvm", name: "vg2" },
    { node: "z-crypt", name: "z-crypt" },
  ]);
});

test("programs are asked for by what a layout has", () => {
  const commands = (config: readonly unknown[]) =>
    diskHostCommands(plan([aRoot, ...config]), nodeTypes).map(({ command }) => command);
  const pool = [
    { name: "pool", base: "vg", type: "thin-pool", size: "1GiB" },
    { name: "lv", base: "vg", type: "thin", "thin-pool": "pool", size: "1GiB" },
  ];
  expect(commands(lvm({}))).toContain("lvm");
  expect(commands(lvm({}))).not.toContain("thin_check");
  expect(commands(lvm({ lvs: pool }))).toContain("thin_check");
  expect(commands(luks({}))).toEqual(expect.arrayContaining(["cryptsetup", "dmsetup", "blockdev"]));
  expect(commands(lvm({}))).toEqual(expect.arrayContaining(["dmsetup", "blockdev"]));
});
