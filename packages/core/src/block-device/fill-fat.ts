/** Fills a FAT file system with mtools, for kernels that cannot mount one. */
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { BuildError } from "../errors.js";
import { compareBytes } from "../phases/order.js";
import { defaultEnv } from "../process/exec.js";
import type { NodeRequest } from "./node.js";
import { runForNode } from "./nodes/run-for-node.js";

const env = { ...defaultEnv, MTOOLS_SKIP_CHECK: "1" };

/** Copies what lies in `folder` into the file system on `device`: sorted, times kept. A link or special file, which FAT can't hold, is BLOCK_DEVICE_NODE_FAILED. */
export async function fillFat(
  folder: string,
  device: string,
  request: Pick<NodeRequest, "exec" | "signal"> & { readonly node: { readonly name: string } },
  inside = "",
): Promise<void> {
  const entries = (await readdir(folder, { withFileTypes: true })).sort((a, b) => compareBytes(a.name, b.name));
  const other = entries.find((entry) => !entry.isFile() && !entry.isDirectory());
  if (other !== undefined)
    throw new BuildError("BLOCK_DEVICE_NODE_FAILED", {
      node: request.node.name,
      doing: `copying ${folder} into the FAT file system`,
      reason: `${inside}/${other.name} is neither a file nor a folder, and FAT holds nothing else`,
    });
  const files = entries.filter((entry) => entry.isFile()).map(({ name }) => join(folder, name));
  if (files.length > 0) {
    await runForNode(
      request,
      `copying ${folder} into the FAT file system`,
      ["mcopy", "-i", device, "-m", "-n", "-Q", ...files, `::${inside}/`],
      { env },
    );
  }
  for (const { name } of entries.filter((entry) => entry.isDirectory())) {
    await runForNode(
      request,
      `making ${inside}/${name} in the FAT file system`,
      ["mmd", "-i", device, `::${inside}/${name}`],
      { env },
    );
    await fillFat(join(folder, name), device, request, `${inside}/${name}`);
  }
}
