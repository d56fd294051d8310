import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Element } from "../elements/element.js";
import type { ImageFormat } from "../formats/format.js";
import { phases } from "../phases/table.js";
import type { BuildPlan } from "./plan.js";

const folders = phases.filter(({ root }) => root === "disk").map(({ name }) => `${name}.d/`);

/** Reads the variable as it is; with `:-` or the like a script is ready for none. */
const readsDevice = /\$(IMAGE_BLOCK_DEVICES?\b|\{IMAGE_BLOCK_DEVICES?\})/;
const asksForDevice = /\$\{IMAGE_BLOCK_DEVICES?:?[-+?]/;

/**
 * Whether a disk is made: for a format of a disk; and for an image of the tree where a script on it takes the disk for
 * granted, as diskimage-builder's bootloader does, which always has one.
 */
export async function needsDisk(
  outputs: readonly Pick<ImageFormat, "from">[],
  elements: readonly Pick<Element, "folder" | "files">[],
  result: BuildPlan["result"],
): Promise<boolean> {
  if (outputs.some(({ from }) => from === "disk")) return true;
  if (result !== "image") return false;
  for (const { folder, files } of elements)
    for (const { path, kind, from, executable } of files) {
      if (kind !== "file" || !executable || !folders.some((name) => path.startsWith(name))) continue;
      const text = await readFile(join(folder, from ?? path), "utf8");
      if (readsDevice.test(text) && !asksForDevice.test(text)) return true;
    }
  return false;
}
