/** DIB's growvols, which has no counterpart of ours: installed as it is, and run as it came into the image, with programs that only note what they are asked. */
import { spawnSync } from "node:child_process";
import { cpSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect } from "vitest";
import { BuildFolder } from "../../support/real-build.js";
import { releasedElements } from "../../support/released-dib.js";
import { fakePrograms } from "../../support/run-script.js";
import { toyOs, treeOfTar, type ImageTree } from "../../support/toy-image.js";
import { vector } from "../../support/vectors.js";

let folder: BuildFolder;
let tree: ImageTree;
const program = "/usr/local/sbin/growvols";

beforeAll(async () => {
  folder = await BuildFolder.open();
  const own = join(folder.path, "elements");
  toyOs().writeTo(own);
  // By itself: what it depends on is ours, which needs no Python in the image.
  cpSync(join(await releasedElements(), "growvols"), join(own, "growvols"), { recursive: true });
  await folder.build({
    elements: ["toy-os", "growvols"],
    elementPaths: [own],
    flags: { base: false, formats: ["tar"] },
  });
  tree = await treeOfTar(`${folder.image}.tar`, join(folder.path, "tree"));
});
afterAll(() => folder[Symbol.asyncDispose]());

const row = (kname: string, pkname: string, name: string, rest: readonly [string, string, string, string]) => {
  const [label, type, fstype, mountpoint] = rest;
  const values = {
    KNAME: kname,
    PKNAME: pkname,
    NAME: name,
    LABEL: label,
    TYPE: type,
    FSTYPE: fstype,
    MOUNTPOINT: mountpoint,
  };
  return Object.entries(values)
    .map(([key, value]) => `${key}="${value}"`)
    .join(" ");
};
const volume = (index: number, name: string, label: string, mountpoint: string) =>
  row(`dm-${index}`, "sda3", `vg-lv_${name}`, [label, "lvm", "xfs", mountpoint]);

/** One disk with an ESP, a group of volumes and a config drive. */
const disk = [
  row("sda", "", "sda", ["", "disk", "", ""]),
  row("sda1", "sda", "sda1", ["MKFS_ESP", "part", "vfat", "/boot/efi"]),
  row("sda2", "sda", "sda2", ["", "part", "", ""]),
  row("sda3", "sda", "sda3", ["", "part", "LVM2_member", ""]),
  row("sda4", "sda", "sda4", ["config-2", "part", "iso9660", ""]),
  volume(0, "root", "img-rootfs", "/"),
  volume(1, "tmp", "fs_tmp", "/tmp"),
  volume(2, "var", "fs_var", "/var"),
  volume(3, "home", "fs_home", "/home"),
];

interface Machine {
  readonly devices?: readonly string[];
  readonly groups?: readonly string[];
  /** First and last sector that are free. */
  readonly free?: readonly [number, number];
}

const asks = "sgdisk partprobe pvcreate vgextend lvextend xfs_growfs".split(" ");

/** What it changes, a command a line, and how it ends. */
function grow(
  args: readonly string[],
  { devices = disk, groups = ["vg"], free = [79267840, 488265727] }: Machine = {},
) {
  const noted = join(folder.path, "noted");
  writeFileSync(noted, "");
  const note = `echo "\${0##*/}" "$@" >> '${noted}'`;
  const bin = fakePrograms(join(folder.path, "bin"), {
    ...Object.fromEntries(asks.map((name) => [name, note])),
    sgdisk: `case $1 in --first*) printf '${free.join("\\n")}\\n' ;; *) ${note} ;; esac`,
    lsblk: `cat << 'END'\n${devices.join("\n")}\nEND`,
    vgs: `printf '  ${groups.join("\\n  ")}\\n'`,
  });
  // The size of a sector is read from /sys, which has no such disk here.
  const inside = `mount -t tmpfs tmpfs /sys/block; mkdir -p /sys/block/sda/queue; echo 512 > /sys/block/sda/queue/logical_block_size; exec "$@"`;
  const { status, stderr } = spawnSync(
    "unshare",
    ["--mount", "sh", "-euc", inside, "sh", join(tree.folder, program), ...args],
    { env: { PATH: `${bin}:${process.env["PATH"]}` }, encoding: "utf8" },
  );
  return { status, stderr, commands: readFileSync(noted, "utf8").split("\n").filter(Boolean) };
}

const partition = [
  "sgdisk --new=5:79267840:488265727 --change-name=5:growvols /dev/sda",
  "partprobe",
  "pvcreate /dev/sda5",
  "vgextend vg /dev/sda5",
];

vector("growvols/runs-unmodified", async () => {
  const source = join(await releasedElements(), "growvols");
  for (const [path, from] of [
    [program, "static/usr/local/sbin/growvols"],
    ["/usr/lib/systemd/system/growvols.service", "init-scripts/systemd/growvols.service"],
  ] as const)
    expect(readFileSync(join(tree.folder, path), "utf8")).toBe(readFileSync(join(source, from), "utf8"));
  expect(tree.get(program)).toMatchObject({ mode: 0o755, owner: "0:0" });
});

vector("growvols/main", () => {
  expect(grow(["--yes"])).toMatchObject({
    status: 0,
    commands: [...partition, "lvextend --size +209404821504B /dev/vg/lv_root /dev/sda5", "xfs_growfs /dev/vg/lv_root"],
  });
  expect(grow(["--noop"])).toMatchObject({ status: 0, commands: [] });
});

vector("growvols/amounts", () => {
  expect(grow(["--yes", "--group", "vg", "/home=20%", "fs_var=40%"]).commands).toEqual([
    ...partition,
    "lvextend --size +41880125440B /dev/vg/lv_home /dev/sda5",
    "lvextend --size +83760250880B /dev/vg/lv_var /dev/sda5",
    "lvextend --size +83764445184B /dev/vg/lv_root /dev/sda5",
    ...["home", "var", "root"].map((name) => `xfs_growfs /dev/vg/lv_${name}`),
  ]);
  // Less than an extent is nothing, and one a little larger than an extent is one.
  const small = grow(["--yes", "/tmp=3MiB", "/home=5MiB"]).commands;
  expect(small.filter((line) => line.startsWith("lvextend"))).toEqual([
    "lvextend --size +4194304B /dev/vg/lv_home /dev/sda5",
    "lvextend --size +209400627200B /dev/vg/lv_root /dev/sda5",
  ]);
  for (const amount of ["/home=100", "/home=100TiB", "/home=i100MB", "/nowhere=1%", "/home"])
    expect(grow(["--yes", amount]), amount).toMatchObject({ status: 1, commands: [] });
});

vector("growvols/not-enough-space", () => {
  const full: Machine = { free: [79267840, 79268864] };
  expect(grow(["--yes"], full)).toMatchObject({ status: 0, commands: [] });
  expect(grow(["--yes", "--exit-on-no-grow"], full)).toMatchObject({ status: 2, commands: [] });
});

vector("growvols/devices", () => {
  const without = (name: string) => disk.filter((line) => !line.includes(` NAME="${name}"`));
  const cases: readonly (readonly [string, readonly string[], Machine])[] = [
    ["Could not detect disk device", [], { devices: without("sda3") }],
    ["Could not find specified --device: sdb", ["--device", "sdb"], {}],
    ['TYPE="disk", got: part', ["--device", "sda1"], {}],
    ["No volume groups found", [], { groups: [""] }],
    ["More than one volume group, specify one to use with --group: vg, vg2, vg3", [], { groups: ["vg2", "vg", "vg3"] }],
    ["Could not find specified --group: novg", ["--group", "novg"], {}],
  ];
  for (const [said, args, machine] of cases) {
    const { status, stderr, commands } = grow(["--yes", ...args], machine);
    expect({ status, commands }, said).toEqual({ status: 1, commands: [] });
    expect(stderr).toContain(said);
  }
  const nvme = disk.map((line) => line.replaceAll(/"sda(\d)"/g, '"sdap$1"'));
  expect(grow(["--yes", "--device", "sda"], { devices: nvme }).commands).toContain("pvcreate /dev/sdap5");
});
