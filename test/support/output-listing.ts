/** What is in an output of a build: an entry a line, as `ls -l` begins it, its path at the end. Disks are mounted: root only. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";

const run = (file: string, ...args: string[]): string =>
  execFileSync(file, args, { encoding: "utf8", maxBuffer: 2 ** 28 });

/** `image` is the output's path without its ending. */
export function listOutput(image: string, format: string): string {
  const file = `${image}.${format}`;
  switch (format) {
    case "tar":
    case "tgz":
      return run("tar", "-tvf", file);
    case "squashfs":
      return run("unsquashfs", "-lln", file);
    case "raw":
      return listDisk(file);
    case "qcow2":
      return withScratch((folder) => {
        const raw = join(folder, "disk.raw");
        run("qemu-img", "convert", "-O", "raw", file, raw);
        return listDisk(raw);
      });
    default:
      throw new Error(`nobody can list ${format}`);
  }
}

/** Nodes that a bootstrapper makes itself, so that its base starts without udev: by number, they are no host's. */
const nodesOfBase = [
  "1,3 null",
  "1,5 zero",
  "1,7 full",
  "1,8 random",
  "1,9 urandom",
  "5,0 tty",
  "5,1 console",
  "5,2 ptmx",
];
const isOfBase = (line: string) => nodesOfBase.some((node) => line.endsWith(` ${node.replace(" ", " ./dev/")}`));

/** Device nodes, of a disk without those of its base. The others have no `/dev` to start with, so none at all. */
export const hostNodesIn = (listing: string): string[] =>
  listing.split("\n").filter((line) => /^[bc]/.test(line) && !isOfBase(line));

/** The mount is in a namespace of its own, and so are its loop device and its end. Device nodes are told with their numbers. */
const mountAndList = `mount -t ext4 -o "ro,noload,loop,offset=$2,sizelimit=$3" "$1" "$4"
cd "$4"
find . -xdev -mindepth 1 ! -type b ! -type c -printf '%M %p\n'
find . -xdev '(' -type b -o -type c ')' -exec stat --format='%A %t,%T %n' {} +`;

/** The root is the last partition of all our layouts. */
function listDisk(disk: string): string {
  const { partitiontable } = JSON.parse(run("sfdisk", "--json", disk)) as {
    partitiontable: { sectorsize: number; partitions: readonly { start: number; size: number }[] };
  };
  const root = partitiontable.partitions.at(-1);
  if (root === undefined) throw new Error(`${disk} has no partition`);
  const [offset, size] = [root.start, root.size].map((sectors) => String(sectors * partitiontable.sectorsize));
  return withScratch((folder) =>
    run("unshare", "--mount", "sh", "-euc", mountAndList, "list-disk", disk, offset ?? "", size ?? "", folder),
  );
}

function withScratch<T>(use: (folder: string) => T): T {
  const folder = mkdtempSync("/var/tmp/dibjs-list-");
  try {
    return use(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}
