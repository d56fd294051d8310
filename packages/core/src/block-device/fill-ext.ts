/**
 * Fills an ext file system while it is made, in the image file itself: what goes through a mount passes the page cache twice, that
 * of the file system and that of the loop device, and takes three times as long.
 */
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import type { BuildContext } from "../context.js";
import type { PlannedDisk } from "../plan/plan.js";
import { readRecords } from "../process/read-records.js";
import { fileSystemType, mkfsCommand, splitWords, type FileSystem } from "./file-system.js";
import type { NodeRequest } from "./node.js";
import { textOf } from "./written-text.js";

/** The tree that the root's file system may be made of. */
export interface Filling {
  /** The `mkfs` node of the root. */
  readonly node: string;
  /** Absolute; nothing is mounted below it. */
  readonly tree: string;
  isDone: boolean;
}

type Services = Pick<BuildContext, "exec" | "signal">;

/** Where the root is an ext file system right on an image of ordinary sectors, and no other one takes a part of the tree. */
export async function fillingOf(planned: PlannedDisk, tree: string): Promise<Filling | undefined> {
  const { nodes, sectorSizeBytes } = planned;
  const mounts = nodes.filter(({ type }) => type === "mount");
  const nodeOf = (name: string | undefined) => nodes.find((node) => node.name === name);
  const root = nodeOf(mounts.find(({ values }) => values.mount_point === "/")?.base);
  const below = nodeOf(root?.base);
  const isOnImage =
    below?.type === "local_loop" || (below?.type === "partitioning" && nodeOf(below.base)?.type === "local_loop");
  if (root?.type !== "mkfs" || !/^ext[234]$/.test(fileSystemType(root.values)) || !isOnImage) return undefined;
  // mke2fs takes the last -E alone, and its offset is ours.
  const hasExtended = splitWords(root.values.opts).some((word) => word.startsWith("-E"));
  if (sectorSizeBytes !== 512 || hasExtended) return undefined;
  for (const { values } of mounts) {
    const place = textOf(values.mount_point) ?? "";
    if (place !== "/" && place.startsWith("/") && !(await isEmpty(join(tree, place)))) return undefined; // swap has none
  }
  return { node: root.name, tree, isDone: false };
}

/** One that is not there is empty, too. */
const isEmpty = async (folder: string): Promise<boolean> => (await readdir(folder).catch(() => [])).length === 0;

/** Why it could not be done; undefined when it was. Otherwise what is on the device is of no worth. */
export async function fillExt(
  fileSystem: FileSystem,
  filling: Filling,
  request: NodeRequest,
): Promise<string | undefined> {
  const { node, graph, state, exec, signal } = request;
  const below = graph.find(({ name }) => name === node.base);
  // A partition knows its own place, and its loop device the image.
  const { device, offsetBytes, sizeBytes, image } = {
    ...state.blockdev.get(below?.base ?? ""),
    ...state.blockdev.get(below?.name ?? ""),
  };
  if (device === undefined || offsetBytes === undefined || image === undefined) return "it does not lie on an image";
  const read = await readTree(filling.tree, { exec, signal });
  if (read.refused !== undefined) return read.refused;
  const [mkfs, ...words] = mkfsCommand(fileSystem, image);
  const place = `${image}?offset=${offsetBytes}`;
  const size = `${Math.floor((sizeBytes ?? 0) / 1024)}k`;
  const steps: readonly Step[] = [
    { program: mkfs, args: ["-F", "-d", filling.tree, "-E", `offset=${offsetBytes}`, ...words, size] },
    // libext2fs 1.47.0 writes whole seconds, and folders without an index.
    { program: "debugfs", args: ["-w", "-f", "-", place], input: Buffer.from(read.finerTimes.join(""), "latin1") },
    { program: "e2fsck", args: ["-f", "-y", "-D", place] },
    // The kernel may have read the device before.
    { program: "blockdev", args: ["--flushbufs", device] },
  ];
  for (const { program, args, input } of steps) {
    const { exitCode, stderr } = await exec(program, args, input === undefined ? { signal } : { signal, input });
    signal.throwIfAborted();
    const hasChanged = program === "e2fsck" && exitCode === 1;
    if (exitCode !== 0 && !hasChanged) return `${program}: ${stderr.trim().slice(-300) || `exited with ${exitCode}`}`;
  }
  filling.isDone = true;
  return undefined;
}

interface Step {
  readonly program: string;
  readonly args: readonly string[];
  readonly input?: Buffer;
}

/** It looks for room in a folder from the beginning, for each new name. */
const mostNames = 10_000;
/** What is told to debugfs is kept in memory, which is not to grow with the image. */
const mostTimes = 100_000;

/**
 * What mke2fs leaves out: of times what is finer than a second or later than 2038, as commands for debugfs. `refused`: what else it
 * would lose. Names are bytes, a character for each.
 */
async function readTree(tree: string, { exec, signal }: Services): Promise<{ refused?: string; finerTimes: string[] }> {
  const finerTimes: string[] = [];
  const names = new Map<string, number>();
  let refused: string | undefined;
  const look = (record: string) => {
    if (refused !== undefined) return;
    const [type = "", links = "", time = ""] = record.split(" ", 3);
    const path = record.slice(type.length + links.length + time.length + 3);
    const parent = path.slice(0, path.lastIndexOf("/") + 1);
    const count = (names.get(parent) ?? 0) + 1;
    names.set(parent, count);
    if (type === "s") refused = `/${path} is a socket`;
    if (type === "l" && links !== "1") refused = `/${path} is a symbolic link of several names`;
    if (count > mostNames) refused = `/${parent} has more than ${mostNames} names`;
    const extra = extraOf(time);
    if (extra === 0) return;
    if (/["\n\r]/.test(path)) refused = `the name of ${JSON.stringify(path)} can't be given to debugfs`;
    if (finerTimes.push(`set_inode_field "/${path}" mtime_extra ${extra}\n`) > mostTimes)
      refused = `more than ${mostTimes} files have times that are no whole seconds`;
  };
  const list = ["find", tree, "-printf", "%y %n %T@ %P\\0"] as const;
  const { exitCode, stderr } = await readRecords(exec, list, look, { signal });
  signal.throwIfAborted();
  if (exitCode !== 0) refused = stderr;
  return { ...(refused === undefined ? {} : { refused }), finerTimes };
}

/** The field beside a time of 32 bits: nanoseconds, and below them two bits of what is later (ext4's inode table). */
function extraOf(time: string): number {
  const [whole = "0", fraction = "0"] = time.split(".");
  const seconds = Number(whole);
  return Number(fraction.slice(0, 9)) * 4 + (((seconds - (seconds | 0)) / 2 ** 32) & 3);
}
