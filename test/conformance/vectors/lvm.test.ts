/** diskimage-builder's layouts with LVM, run against the node with programs that only note how they were called. */
import { expect } from "vitest";
import type { DiskState, NodeConfig } from "@dibjs/core/block-device/node.js";
import { lvm } from "@dibjs/core/block-device/nodes/lvm.js";
import { plannedNodes, runRecorded } from "../../support/recorded-volumes.js";
import { vector } from "../../support/vectors.js";

type Entry = Readonly<Record<string, unknown>>;
type Volume = Entry & { readonly name: string };

interface Layout {
  readonly partitions: readonly Entry[];
  readonly pvs?: Readonly<Record<string, string>>;
  readonly vgs?: Readonly<Record<string, readonly string[]>>;
  readonly lvs: readonly Volume[];
}

const options = ["--force"];
const primary = (name: string, size: string): Entry => ({ name, size, flags: ["primary"] });
const onVg = (sizes: Readonly<Record<string, string>>, base = "vg"): Volume[] =>
  Object.entries(sizes).map(([name, size]) => ({ name, base, size }));

function lvmEntry({ pvs = { pv: "root" }, vgs = { vg: ["pv"] }, lvs }: Layout): Entry {
  return {
    name: "lvm",
    pvs: Object.entries(pvs).map(([name, base]) => ({ name, base, options })),
    vgs: Object.entries(vgs).map(([name, base]) => ({ name, base, options })),
    lvs,
  };
}

const entriesOf = (layout: Layout, written = lvmEntry(layout)): readonly Entry[] => [
  { local_loop: { name: "image0" } },
  { partitioning: { base: "image0", name: "mbr", label: "mbr", partitions: layout.partitions } },
  { lvm: written },
];

const sixVolumes = {
  ...{ lv_root: "1800M", lv_tmp: "100M", lv_var: "500M" },
  ...{ lv_log: "100M", lv_audit: "100M", lv_home: "200M" },
};
const one: Layout = { partitions: [primary("root", "3G")], lvs: onVg(sixVolumes) };

const run = (nodes: readonly NodeConfig[]) => runRecorded(lvm, nodes);

const lvcreate = (size: string, name: string, group = "vg") => `lvcreate --name ${name} ${size} ${group}`;
const sixCommands = (group: (name: string) => string) => [
  lvcreate("-L 1799356416B", "lv_root", group("lv_root")),
  lvcreate("-L 96468992B", "lv_tmp", group("lv_tmp")),
  lvcreate("-L 499122176B", "lv_var", group("lv_var")),
  lvcreate("-L 96468992B", "lv_log", group("lv_log")),
  lvcreate("-L 96468992B", "lv_audit", group("lv_audit")),
  lvcreate("-L 197132288B", "lv_home", group("lv_home")),
];

/** What its state says of the volumes, less what is ours: places and sizes in bytes. */
const volumesOf = ({ blockdev }: DiskState) =>
  Object.fromEntries(
    [...blockdev].flatMap(([name, { device, vgs, size, extents, opts }]) =>
      vgs === undefined ? [] : [[name, { device, vgs, size, extents, opts }]],
    ),
  );

const findings = (config: readonly Entry[]): string => {
  try {
    plannedNodes(config);
  } catch (error) {
    expect((error as { code?: string }).code).toMatch(/^(BLOCK_DEVICE_CONFIG_INVALID|SEVERAL_FINDINGS)$/);
    return (error as Error).message;
  }
  return "nothing";
};

vector("lvm/tree", () => {
  const { name: _name, ...unnamed } = lvmEntry(one);
  const fileSystem = { name: "fs_root", type: "xfs", label: "img-rootfs" };
  const fstab = { options: "rw,relatime", "fsck-passno": 1 };
  const tree = [
    ...entriesOf(one, { ...unnamed, base: "mbr" }),
    { mkfs: { ...fileSystem, base: "lv_root", mount: { mount_point: "/", fstab } } },
  ];
  const graph = [
    ...entriesOf(one, { ...unnamed, name: "lvm_mbr", base: "mbr" }),
    { mkfs: { ...fileSystem, base: "lv_root" } },
    { mount: { name: "mount_fs_root", base: "fs_root", mount_point: "/" } },
    { fstab: { name: "fstab_mount_fs_root", base: "mount_fs_root", ...fstab } },
  ];
  expect(plannedNodes(tree)).toEqual(plannedNodes(graph));
  expect(plannedNodes(tree).map(({ name }) => name)).toContain("lvm_mbr");
});

vector("lvm/bad-physical-volume", () => {
  const config = entriesOf({ ...one, vgs: { vg: ["invalid_pv"] } });
  expect(findings(config)).toContain("base:invalid_pv in vgs does not match a valid pvs");
});

vector("lvm/bad-volume-group", () => {
  const config = entriesOf({ ...one, lvs: [{ name: "lv_root", base: ["invalid_vg"], size: "1800M" }] });
  expect(findings(config)).toContain("base:['invalid_vg'] in lvs does not match a valid vg");
});

vector("lvm/no-size", () => {
  const config = entriesOf({ ...one, lvs: [{ name: "lv_root", base: "vg" }] });
  expect(findings(config)).toContain("Missing 'size' or 'extents' in lvs config");
});

vector("lvm/bad-type", () => {
  const config = entriesOf({ ...one, lvs: [{ name: "pool", base: "vg", size: "2800MiB", type: "thin-pol" }] });
  expect(findings(config)).toContain("Unsupported type:thin-pol, supported types: thin, thin-pool");
});

const twoPartitions = [primary("root", "3G"), primary("data", "1G")];
const twoPvs = { pv: "root", pv1: "data" };

vector("lvm/multiple-pv", async () => {
  const layout = { ...one, partitions: twoPartitions, pvs: twoPvs, vgs: { vg: ["pv", "pv1"] } };
  const { created, state } = await run(plannedNodes(entriesOf(layout)));
  expect(created).toEqual([
    "pvcreate /dev/fake/root --force",
    "pvcreate /dev/fake/data --force",
    "vgcreate vg /dev/fake/root /dev/fake/data --force",
    ...sixCommands(() => "vg"),
  ]);
  const volume = (name: string, size: string) => ({
    device: `/dev/mapper/vg-${name}`,
    ...{ vgs: "vg", size, extents: undefined, opts: [] },
  });
  const expected = Object.entries(sixVolumes).map(([name, size]) => [name, volume(name, size)] as const);
  expect(volumesOf(state)).toEqual(Object.fromEntries(expected));
});

// DIB lets volumes go in the order of the config, and asks for a scan by a daemon that is no more: see lvm-teardown in the
// table of differences.
vector("lvm/multiple-pv-vg", async () => {
  const groupOf = (name: string) => (["lv_root", "lv_tmp"].includes(name) ? "vg1" : "vg2");
  const layout: Layout = {
    ...{ partitions: twoPartitions, pvs: twoPvs, vgs: { vg1: ["pv"], vg2: ["pv1"] } },
    lvs: Object.entries(sixVolumes).map(([name, size]) => ({ name, size, base: groupOf(name) })),
  };
  const { created, released } = await run(plannedNodes(entriesOf(layout)));
  expect(created).toEqual([
    "pvcreate /dev/fake/root --force",
    "pvcreate /dev/fake/data --force",
    "vgcreate vg1 /dev/fake/root --force",
    "vgcreate vg2 /dev/fake/data --force",
    ...sixCommands(groupOf),
  ]);
  expect(released).toEqual([
    ...["lv_home", "lv_audit", "lv_log", "lv_var"].map((name) => `lvchange -an /dev/vg2/${name}`),
    ...["lv_tmp", "lv_root"].map((name) => `lvchange -an /dev/vg1/${name}`),
    ...["udevadm settle", "vgchange -an vg2", "udevadm settle", "vgchange -an vg1"],
  ]);
});

vector("lvm/spanned-vg", async () => {
  const layout: Layout = {
    partitions: [primary("root", "3G"), primary("data1", "1G"), primary("data2", "1G")],
    pvs: { pv_root: "root", pv_data1: "data1", pv_data2: "data2" },
    vgs: { vg_root: ["pv_root"], vg_data: ["pv_data1", "pv_data2"] },
    lvs: [...onVg({ lv_root: "1800M" }, "vg_root"), ...onVg({ lv_data: "2G" }, "vg_data")],
  };
  const { created } = await run(plannedNodes(entriesOf(layout)));
  expect(created).toEqual([
    ...["root", "data1", "data2"].map((name) => `pvcreate /dev/fake/${name} --force`),
    "vgcreate vg_root /dev/fake/root --force",
    "vgcreate vg_data /dev/fake/data1 /dev/fake/data2 --force",
    lvcreate("-L 1799356416B", "lv_root", "vg_root"),
    lvcreate("-L 1996488704B", "lv_data", "vg_data"),
  ]);
});

// The vector's types, EF00 and EF02, are GPT's: an MBR has no such, and we say so. Partitions come without kpartx.
vector("lvm/multiple-partitions", async () => {
  const shares = {
    lv_root: "28%VG",
    lv_tmp: "4%VG",
    lv_var: "40%VG",
    lv_log: "23%VG",
    lv_audit: "4%VG",
    lv_home: "1%VG",
  };
  const layout: Layout = {
    partitions: [
      { name: "root", flags: ["boot"], size: "3G" },
      { name: "ESP", size: "8MiB", type: "ef" },
      { name: "BSP", size: "8MiB" },
    ],
    lvs: Object.entries(shares).map(([name, extents]) => ({ name, base: "vg", extents })),
  };
  const nodes = plannedNodes(entriesOf(layout, { ...lvmEntry(layout), base: ["root"] }));
  const names = Object.keys(shares);
  expect(nodes.map(({ name }) => name)).toEqual(["image0", "root", "ESP", "BSP", "lvm", "pv", "vg", ...names]);
  const { created, released } = await run(nodes);
  expect(created).toEqual([
    "pvcreate /dev/fake/root --force",
    "vgcreate vg /dev/fake/root --force",
    ...Object.entries(shares).map(([name, extents]) => lvcreate(`-l ${extents}`, name)),
  ]);
  expect(released).toEqual([
    ...names.reverse().map((name) => `lvchange -an /dev/vg/${name}`),
    ...["udevadm settle", "vgchange -an vg"],
  ]);
});

vector("lvm/thin", async () => {
  const sizes = {
    ...{ lv_root: "1800MiB", lv_tmp: "100MiB", lv_var: "500MiB" },
    ...{ lv_log: "100MiB", lv_audit: "100MiB", lv_home: "200MiB" },
  };
  const layout: Layout = {
    partitions: [primary("root", "3G")],
    lvs: [
      { name: "lv_thinpool", base: "vg", type: "thin-pool", size: "2800MiB" },
      ...onVg(sizes).map((volume) => ({ ...volume, type: "thin", "thin-pool": "lv_thinpool" })),
    ],
  };
  const { created, state } = await run(plannedNodes(entriesOf(layout)));
  const thin = (name: string, bytes: number) => lvcreate(`--type thin --thin-pool lv_thinpool -V ${bytes}B`, name);
  expect(created).toEqual([
    "pvcreate /dev/fake/root --force",
    "vgcreate vg /dev/fake/root --force",
    lvcreate("--type thin-pool -L 2936012800B", "lv_thinpool"),
    thin("lv_root", 1887436800),
    thin("lv_tmp", 104857600),
    thin("lv_var", 524288000),
    thin("lv_log", 104857600),
    thin("lv_audit", 104857600),
    thin("lv_home", 209715200),
  ]);
  expect(volumesOf(state)).toMatchObject(
    Object.fromEntries(
      Object.entries({ lv_thinpool: "2800MiB", ...sizes }).map(([name, size]) => [
        name,
        { device: `/dev/mapper/vg-${name}`, vgs: "vg", size },
      ]),
    ),
  );
});
