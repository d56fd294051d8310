import type { Hooks } from "../hooks.js";
import type { BlockNodeType, Loan, LoanData } from "./node.js";
import { crypttab } from "./nodes/crypttab.js";
import { fstab } from "./nodes/fstab.js";
import { localLoop, loopDevice } from "./nodes/local-loop.js";
import { encryptedDevice, luks } from "./nodes/luks.js";
import { logicalVolume, lvm, lvmSystem, volumeGroup } from "./nodes/lvm.js";
import { mkfs } from "./nodes/mkfs.js";
import { gatheredFiles, mount, mountedFileSystem } from "./nodes/mount.js";
import { deviceNode, partition, partitioning } from "./nodes/partitioning.js";

/** The node types of core, registered like anybody's. */
export const builtInBlockNodes: readonly BlockNodeType[] = [
  localLoop,
  partitioning,
  lvm,
  luks,
  crypttab,
  mkfs,
  mount,
  fstab,
];

/** What they borrow. Another process finds each by its name. */
export const builtInLoans = [
  loopDevice,
  partition,
  deviceNode,
  lvmSystem,
  volumeGroup,
  logicalVolume,
  encryptedDevice,
  mountedFileSystem,
  gatheredFiles,
].map(
  (loan) => loan as unknown as Loan<LoanData>, // its data comes from a file that it wrote itself
);

export function tapBlockNodes(hooks: Hooks, types: readonly BlockNodeType[] = builtInBlockNodes): void {
  for (const { name, create } of types) {
    hooks.blockDevice.define(name);
    hooks.blockDevice.for(name).add({ name: "@dibjs/core", rank: -1, fn: create });
  }
}
