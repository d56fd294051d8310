/**
 * Physical volumes, volume groups and logical volumes. The entry expands into one node for each; the node of the entry
 * itself makes all of them, in DIB's way, and the others are places in the order for what stands on them.
 */
import { lstat, readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { lvmEnv, writeLvmSystem } from "../lvm-system.js";
import { isOfGroup, mappedDevice, nameTaken, volumeDevice } from "../device-mapper.js";
import { splitWords } from "../file-system.js";
import { checkVolumes, expandVolumes, partsOf, roleOf } from "../volumes.js";
import {
  defineBlockNode,
  defineLoan,
  type LoanServices,
  type NodeConfig,
  type NodeHostCommand,
  type NodeRequest,
} from "../node.js";
import { isOwn, leaveAlone } from "../own-devices.js";
import { parseSize } from "../sizes.js";
import { deviceMapperEnv, mappedDevices, type MappedDevice } from "../../workspace/mapped-devices.js";
import { textOf } from "../written-text.js";
import { blockDeviceOf } from "./block-device-of.js";
import { runForNode } from "./run-for-node.js";

export const lvm = defineBlockNode({
  name: "lvm",
  expand: expandVolumes,
  check: checkVolumes,
  hostCommands: ({ values }) => [
    program("lvm", "lvm2"),
    program("dmsetup", "dmsetup", "device-mapper"),
    program("blockdev", "util-linux"),
    ...(values.type === "thin-pool"
      ? [program("thin_check", "thin-provisioning-tools", "device-mapper-persistent-data")]
      : []),
  ],
  after: edgesOf,
  async create(request) {
    const { node, graph } = request;
    if (roleOf(node) === "lvm") await createVolumes(node, graph, request);
    return true;
  },
});

const program = (command: string, debian: string, fedora = debian, opensuse = debian): NodeHostCommand => ({
  command,
  ...{ debian, fedora, opensuse },
});

/** The entry after what its physical volumes lie on; they after it, groups after them, volumes after their group. */
function edgesOf(node: NodeConfig, graph: readonly NodeConfig[]): readonly string[] {
  switch (roleOf(node)) {
    case "lvm":
      return partsOf(node, graph).pvs.map(({ base = "" }) => base);
    case "pv":
      return [textOf(node.values.lvm) ?? ""];
    case "vg":
      return groupBase(node);
    default:
      return [];
  }
}

const groupBase = ({ values }: NodeConfig): readonly string[] => (values.pvs as readonly string[] | undefined) ?? [];

async function createVolumes(node: NodeConfig, graph: readonly NodeConfig[], request: NodeRequest): Promise<void> {
  const { pvs, vgs, lvs } = partsOf(node, graph);
  const deviceOf = (base: string | undefined) => blockDeviceOf(base, "making a physical volume", request).device;
  const devices = new Map(pvs.map(({ name, base }) => [name, deviceOf(base)]));
  for (const { name } of vgs) await claimGroup(name, request);
  const systemDir = await writeLvmSystem(request.imageDir, [...devices.values()]);
  request.borrow(lvmSystem, { systemDir });
  const env = lvmEnv(systemDir);
  const run = (command: readonly [string, ...string[]]) => runForNode(request, command.join(" "), command, { env });

  for (const pv of pvs) {
    const device = devices.get(pv.name) ?? "";
    await run(["pvcreate", device, ...optionsOf(pv)]);
    request.state.pvs.set(pv.name, { device, opts: optionsOf(pv) });
  }
  for (const vg of vgs) {
    const bases = groupBase(vg);
    request.borrow(volumeGroup, { group: vg.name, systemDir });
    await run(["vgcreate", vg.name, ...bases.map((base) => devices.get(base) ?? ""), ...optionsOf(vg)]);
    request.state.vgs.set(vg.name, { devices: bases, opts: optionsOf(vg) });
  }
  for (const lv of lvs) {
    const { name, base: group = "" } = lv;
    await run(lvcreateCommand(lv));
    request.borrow(logicalVolume, { group, volume: name, systemDir });
    const device = volumeDevice(group, name);
    const sizeBytes = Number(await runForNode(request, `measuring ${device}`, ["blockdev", "--getsize64", device]));
    const { size, extents } = lv.values;
    const written = { vgs: group, size: textOf(size), extents: textOf(extents), opts: optionsOf(lv) };
    request.state.blockdev.set(name, { device, offsetBytes: 0, sizeBytes, ...written });
  }
}

/** It looks at all disks of the host, and one of them may not answer. */
const listGroups = ["timeout", "60", "vgs", "--noheadings", "-o", "vg_name"] as const;

/** Throws BLOCK_DEVICE_NAME_TAKEN for a group that the host has, active or not: its own lvm would mix them up. */
async function claimGroup(group: string, request: NodeRequest): Promise<void> {
  const taken = (by: string) => nameTaken(request.node.name, group, by);
  const active = (await mappedDevices()).find((device) => isOfGroup(device, group));
  if (active !== undefined) throw taken(`the device ${active.name}`);
  const found = await runForNode(request, "looking for groups of this host", listGroups, { env: deviceMapperEnv });
  if (found.split(/\s+/).includes(group)) throw taken("a volume group of this host");
  if (!(await isFree(join("/dev", group)))) throw taken(`/dev/${group}`);
}

/** Where lvm makes a folder of links: one without udev keeps those of a killed build, which lead nowhere. */
async function isFree(folder: string): Promise<boolean> {
  if ((await lstat(folder).catch(() => undefined)) === undefined) return true;
  const links = await readdir(folder).catch(() => []); // not a folder
  if (links.length === 0) return false; // nothing says that lvm has made it
  for (const link of links.map((name) => join(folder, name))) {
    const target = await stat(link).catch(() => undefined);
    if (target !== undefined || !(await lstat(link)).isSymbolicLink()) return false;
  }
  await rm(folder, { recursive: true });
  return true;
}

const extentBytes = 4 * 2 ** 20;

/** What makes a logical volume: sizes are cut to whole extents of 4 MiB, as DIB cuts them. */
export function lvcreateCommand(lv: NodeConfig): readonly [string, ...string[]] {
  const { type, "thin-pool": pool, size, extents } = lv.values;
  return [
    ...(["lvcreate", "--name", lv.name] as const),
    ...(type === undefined ? [] : ["--type", textOf(type) ?? ""]),
    ...(pool === undefined ? [] : ["--thin-pool", textOf(pool) ?? ""]),
    ...(size === undefined ? ["-l", textOf(extents) ?? ""] : [type === "thin" ? "-V" : "-L", `${wholeExtents(size)}B`]),
    ...optionsOf(lv),
    lv.base ?? "",
  ];
}

function wholeExtents(written: unknown): number {
  const size = parseSize(written);
  const bytes = size !== undefined && "bytes" in size ? size.bytes : 0;
  return bytes - (bytes % extentBytes);
}

const optionsOf = ({ values }: NodeConfig): readonly string[] => splitWords(values.options);

/** The folder that every lvm command of the build is led by: it goes after the last of them. */
export const lvmSystem = defineLoan<{ systemDir: string }>({
  name: "lvm-system",
  label: ({ systemDir }) => `settings in ${systemDir}`,
  release: ({ systemDir }) => rm(systemDir, { recursive: true, force: true }),
});

export const volumeGroup = defineLoan<{ group: string; systemDir: string }>({
  name: "volume-group",
  label: ({ group }) => `volume group ${group}`,
  async release({ group, systemDir }, services) {
    await services.exec("udevadm", ["settle"]); // where udev runs, it may be looking at a volume still
    await deactivate(["vgchange", "-an", group], systemDir, services, (device) => isOfGroup(device, group));
  },
});

export const logicalVolume = defineLoan<{ group: string; volume: string; systemDir: string }>({
  name: "logical-volume",
  label: ({ group, volume }) => `logical volume ${group}/${volume}`,
  async release({ group, volume, systemDir }, services) {
    const device = volumeDevice(group, volume);
    const isActive = ({ name }: MappedDevice) => device.endsWith(`/${name}`);
    await deactivate(["lvchange", "-an", `/dev/${group}/${volume}`], systemDir, services, isActive);
  },
});

const deadlineMs = 5_000;

/** Again until it works: whoever watches block devices opens a new one for a moment. */
async function deactivate(
  [file, ...args]: readonly [string, ...string[]],
  systemDir: string,
  services: LoanServices,
  isLeft: (device: MappedDevice) => boolean,
): Promise<void> {
  const { exec } = services;
  const deadline = Date.now() + deadlineMs;
  for (;;) {
    for (const { name } of (await mappedDevices()).filter(isLeft))
      if (!(await isOwn(mappedDevice(name), services))) return leaveAlone(`volume ${name}`, services);
    const { stderr } = await exec(file, args, { env: lvmEnv(systemDir) });
    const left = (await mappedDevices()).filter(isLeft).map(({ name }) => name);
    if (left.length === 0) return; // also a group that never came to be
    if (Date.now() > deadline) throw new Error(stderr.trim() || `${left.join(", ")} is left`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
