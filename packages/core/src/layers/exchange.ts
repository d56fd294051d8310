/**
 * Layers that stores give each other by way of a folder: each is a folder of the layer's name with its description, its tree as an
 * archive, and its hooks. Whoever can write there decides what comes into images.
 */
import { randomUUID } from "node:crypto";
import { mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pathExists } from "fs-extra/esm";
import type { BuildContext } from "../context.js";
import { reasonOf } from "../errors.js";
import { archiveName, writeContent } from "./layer-content.js";
import { parseLayer } from "./layer.js";
import { formatSealed } from "./sealed-json.js";
import type { LayerStore, StoredLayer } from "./store.js";

/** A folder to take layers from. */
export class OfferedLayers {
  readonly #folder: string;
  readonly #tried = new Set<string>();

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** Whether there is a layer whose name begins so. */
  async hasFor(prefix: string): Promise<boolean> {
    return (await this.#names()).some((name) => name.startsWith(prefix));
  }

  /** Brings layers of a key into the store, unless they are there. What can't be used is told, once. */
  async bring(key: string, store: LayerStore, { emit }: Pick<BuildContext, "emit">): Promise<void> {
    const known = await store.names();
    const isNew = (name: string) => name.includes(`.${key}.`) && !known.includes(name) && !this.#tried.has(name);
    for (const name of (await this.#names()).filter(isNew)) {
      this.#tried.add(name);
      const from = join(this.#folder, name);
      const layer = parseLayer(await readFile(join(from, "layer.json"), "utf8").catch(() => ""));
      if (layer === undefined)
        emit({ type: "note", level: "warning", text: `${from} is no layer of this version; it is not used.` });
      else await store.add(layer, { archive: join(from, archiveName), hooksDir: join(from, "hooks") });
    }
  }

  /** A folder that is not there holds nothing. */
  #names(): Promise<string[]> {
    return readdir(this.#folder).catch(() => []);
  }
}

/** Leaves copies of layers there. What can't be written is told, and ends no build. */
export async function giveLayers(folder: string, layers: readonly StoredLayer[], ctx: BuildContext): Promise<void> {
  try {
    await mkdir(folder, { recursive: true });
    for (const layer of layers) await giveLayer(folder, layer, ctx);
  } catch (error) {
    if (ctx.signal.aborted) return;
    ctx.emit({ type: "note", level: "warning", text: `Not all layers are left in ${folder}: ${reasonOf(error)}` });
  }
}

async function giveLayer(folder: string, layer: StoredLayer, ctx: BuildContext): Promise<void> {
  const { id, folder: own, ...described } = layer;
  const target = join(folder, id);
  if (await pathExists(target)) return;
  const staged = join(folder, `.new-${randomUUID()}`);
  try {
    await mkdir(staged);
    const content = layer.form === "folder" ? { tree: join(own, "tree") } : { archive: join(own, archiveName) };
    await writeContent(layer, { ...content, hooksDir: join(own, "hooks") }, { form: "packed", folder: staged }, ctx);
    await writeFile(join(staged, "layer.json"), formatSealed({ ...described, form: "packed" }));
    await rename(staged, target).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== "ENOTEMPTY" && error.code !== "EEXIST") throw error; // a build beside this one was first
    });
  } finally {
    await rm(staged, { recursive: true, force: true });
  }
}
