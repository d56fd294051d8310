import { fileSystemOf, fileSystemType, labelOf, mkfsCommand, splitWords, type FileSystem } from "../file-system.js";
import { fillExt } from "../fill-ext.js";
import { refusedMkfsWords } from "../mkfs-options.js";
import { defineBlockNode, type NodeConfig, type NodeHostCommand, type NodeRequest } from "../node.js";
import { guid } from "../partition-table.js";
import { blockDeviceOf } from "./block-device-of.js";
import { runForNode } from "./run-for-node.js";
import { textOf } from "../written-text.js";

/** A file system or swap space. */
export const mkfs = defineBlockNode({
  name: "mkfs",
  check: checkMkfs,
  hostCommands: ({ values }) => programs[fileSystemType(values)] ?? [{ command: `mkfs.${fileSystemType(values)}` }],
  async create(request) {
    const { node, state } = request;
    const { device } = blockDeviceOf(node.base, "making the file system", request);
    if (request.existing !== undefined) {
      const existing = request.existing.get(node.name);
      if (existing === undefined) throw new Error(`nothing is known of the file system ${node.name}`);
      state.filesys.set(node.name, { ...existing, device });
      return true;
    }
    const fileSystem = fileSystemOf(node);
    if (!(await fill(fileSystem, request)))
      await runForNode(request, "making the file system", mkfsCommand(fileSystem, device));
    const { type: fstype, ...rest } = fileSystem;
    state.filesys.set(node.name, { ...rest, fstype, device });
    return true;
  },
});

/** Says so where it can't be done. */
async function fill(fileSystem: FileSystem, request: NodeRequest): Promise<boolean> {
  const { node, filling, emit } = request;
  if (filling?.node !== node.name) return false;
  const reason = await fillExt(fileSystem, filling, request);
  if (reason !== undefined)
    emit({ type: "note", level: "info", text: `The tree is copied through a mount of ${node.name}: ${reason}` });
  return reason === undefined;
}

const program = (command: string, debian: string, fedora = debian, opensuse = fedora): NodeHostCommand => ({
  command,
  debian,
  fedora,
  opensuse,
});
const programs: Readonly<Record<string, readonly NodeHostCommand[]>> = {
  ext2: [program("mkfs.ext2", "e2fsprogs")],
  ext3: [program("mkfs.ext3", "e2fsprogs")],
  ext4: [program("mkfs.ext4", "e2fsprogs")],
  xfs: [program("mkfs.xfs", "xfsprogs")],
  btrfs: [program("mkfs.btrfs", "btrfs-progs", "btrfs-progs", "btrfsprogs")],
  // mtools fills what the kernel can't mount.
  vfat: [program("mkfs.vfat", "dosfstools"), program("mcopy", "mtools")],
  swap: [program("mkswap", "util-linux")],
};

const labelLimits: Readonly<Record<string, number>> = {
  ext2: 16,
  ext3: 16,
  ext4: 16,
  xfs: 12,
  vfat: 11,
  swap: 16,
  btrfs: 255,
};

function checkMkfs(node: NodeConfig, graph: readonly NodeConfig[]): string[] {
  const { name, base, values } = node;
  const type = values.type === undefined ? undefined : fileSystemType(values);
  if (base === undefined || type === undefined)
    return [
      ...(base === undefined ? ["Mkfs config needs [base]"] : []),
      ...(type === undefined ? ["Mkfs config needs [type]"] : []),
    ];
  const label = labelOf(name, values);
  const limit = labelLimits[type];
  const sameLabel = graph.filter((other) => other.type === "mkfs" && labelOf(other.name, other.values) === label);
  return [
    ...(/^[a-z][a-z0-9]*$/.test(type) ? [] : [`mkfs ${name}: type ${JSON.stringify(type)} is not a file system`]),
    ...(limit !== undefined && Buffer.byteLength(label) > limit
      ? [`Label [${label}] too long for filesystem [${type}]: ${Buffer.byteLength(label)} > ${limit}`]
      : []),
    ...(sameLabel.length > 1 ? [`File system label [${label}] used more than once`] : []),
    ...(label === "" || /\p{Cc}/u.test(label) || label.startsWith("-")
      ? [`mkfs ${name}: label ${JSON.stringify(label)} can't be used`]
      : []),
    ...checkUuid(name, type, textOf(values.uuid)),
    ...(hasOpenQuote(values.opts)
      ? [`mkfs ${name}: opts has a quote that is not closed`]
      : refusedMkfsWords(type, splitWords(values.opts)).map(
          (words) => `mkfs ${name}: ${JSON.stringify(words)} in opts can't be used with ${type}`,
        )),
  ];
}

function checkUuid(name: string, type: string, uuid: string | undefined): string[] {
  const form = type === "vfat" ? /^[0-9A-F]{4}-?[0-9A-F]{4}$/i : guid;
  return uuid === undefined || form.test(uuid)
    ? []
    : [`mkfs ${name}: ${JSON.stringify(uuid)} is not a UUID for ${type}`];
}

const hasOpenQuote = (written: unknown): boolean =>
  typeof written === "string" && /["']/.test(written.replace(/"[^"]*"|'[^']*'/g, ""));
