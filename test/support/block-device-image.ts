import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { createBlockDevice, initBlockDevice, unmountBlockDevice } from "@dibjs/core";
import { BlockDeviceFolder } from "./block-device-folder.js";

/** Makes a disk of a config through real loop devices, lets it go, and gives its folder with `images/image0.raw`. */
export async function makeImage(
  config: string,
  more: Readonly<Record<string, unknown>> = {},
): Promise<BlockDeviceFolder> {
  const folder = new BlockDeviceFolder(config, more);
  try {
    const parameters = await folder.read();
    await initBlockDevice(parameters);
    await createBlockDevice(parameters, folder.services());
    await unmountBlockDevice(parameters, folder.services());
    return folder;
  } catch (error) {
    folder[Symbol.dispose]();
    throw error;
  }
}

export const imageOf = (folder: BlockDeviceFolder): string => join(folder.path, "images/image0.raw");

export interface SfdiskTable {
  readonly label: string;
  readonly id: string;
  readonly device: string;
  readonly partitions: readonly Readonly<
    Record<"start" | "size", number> & Partial<Record<"type" | "name" | "uuid" | "attrs", string>>
  >[];
}

/** The table as sfdisk reads it, without the names of device nodes. */
export function tableIn(image: string): SfdiskTable {
  const { partitiontable } = JSON.parse(execFileSync("sfdisk", ["--json", image], { encoding: "utf8" })) as {
    partitiontable: SfdiskTable & { partitions: { node?: string }[] };
  };
  for (const partition of partitiontable.partitions) delete partition.node;
  return partitiontable;
}
