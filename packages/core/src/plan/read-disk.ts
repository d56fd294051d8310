import { readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import type { WrittenDisk } from "../block-device/plan-disk.js";
import type { BuildConfig } from "../config/schema.js";
import type { Element } from "../elements/element.js";
import { BuildError, reasonOf } from "../errors.js";
import { readYamlText } from "../yaml-text.js";

/** DIB's rule: the variable (inline or `file://`), else the first element with a layout for this ARCH or a default one. Undefined when none says anything. */
export async function readDisk(config: BuildConfig, elements: readonly Element[]): Promise<WrittenDisk | undefined> {
  const given = config.blockDevice;
  if (given !== undefined) {
    if (typeof given !== "string" || !given.startsWith("file://"))
      return { config: given as string, origin: config.origins.blockDevice ?? "DIB_BLOCK_DEVICE_CONFIG" };
    const file = resolve(config.cwd, given.slice("file://".length));
    const text = await readYamlText(file).catch((error: unknown) => {
      throw new BuildError("BLOCK_DEVICE_CONFIG_INVALID", { place: given, reason: reasonOf(error) }, { cause: error });
    });
    return { config: text, origin: given };
  }
  const arch = config.arch === "ppc64le" ? "ppc64el" : config.arch;
  for (const { name, folder, files } of elements) {
    const layout = [`block-device-${arch}.yaml`, "block-device-default.yaml"].find((file) =>
      files.some(({ path }) => path === file),
    );
    if (layout !== undefined)
      return { config: await readFile(join(folder, layout), "utf8"), origin: `element ${name}` };
  }
  return undefined;
}
