/**
 * Where layers are kept between builds: `INPUTS.KEY.READS/` (digests, cut short but for the key) with layer.json, `tree` (a folder
 * to mount, or tree.tar.zst) and `hooks`. Root's alone. A layer is staged under another name, forced to the disk and then renamed,
 * so that it is there whole or not at all; builds hold a shared lock on the layer.json of what they use, and what removes one needs it alone.
 */
import { randomBytes, randomUUID } from "node:crypto";
import {
  lstat,
  mkdir,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  utimes,
  writeFile,
  type FileHandle,
} from "node:fs/promises";
import { join } from "node:path";
import { pathExists } from "fs-extra/esm";
import type { BuildContext } from "../context.js";
import { reasonOf } from "../errors.js";
import { canonicalJson, sha256 } from "../plan/digest.js";
import { mustRun } from "../process/exec.js";
import { tryLock, tryLockExisting, waitForLock } from "../process/file-lock.js";
import { carriesOverlay } from "./carries-overlay.js";
import { ChecksAhead, isIntact } from "./intact.js";
import { layerVersion, parseLayer, type Inputs, type Layer } from "./layer.js";
import { formatSealed } from "./sealed-json.js";
import { openFolder, type OpenFolder } from "../workspace/open-folder.js";
import { syncPath } from "../workspace/sync-path.js";
import { archiveName, writeContent, type LayerSource } from "./layer-content.js";
import { digestTree, sealTree } from "./tree-digest.js";

/** What using a store needs of the context. */
type StoreContext = Pick<BuildContext, "exec" | "emit" | "signal">;

/** A layer of a build that is under way, before it has a place in the store. */
export type NewLayer = Omit<Layer, "version" | "createdAt" | "seal" | "sizeBytes" | "form">;

/** A layer in the store. */
export interface StoredLayer extends Layer {
  /** Its name in the store. */
  readonly id: string;
  /** Absolute. */
  readonly folder: string;
}

const shortDigest = (of: unknown): string => sha256(canonicalJson(of)).slice(0, 16);

/** How names of layers of a phase with these inputs begin, whatever lies below. */
export const inputsPrefix = (phase: string, inputs: Inputs): string => `${shortDigest({ phase, inputs })}.`;

const nameOf = ({ phase, inputs, key, reads }: NewLayer): string =>
  `${inputsPrefix(phase, inputs)}${key}.${shortDigest(reads)}`;
const stagingPrefix = ".new-";

const mostListed = 96;

export class LayerStore implements AsyncDisposable {
  readonly folder: string;
  /** A build's cleanup phase covers what lies beside the output, and the folder may be among it. */
  readonly #open: OpenFolder;
  readonly #ahead: ChecksAhead;
  readonly #ctx: StoreContext;
  #form: Promise<Layer["form"]> | undefined;

  private constructor(folder: string, open: OpenFolder, ctx: StoreContext) {
    this.folder = folder;
    this.#open = open;
    this.#ctx = ctx;
    this.#ahead = new ChecksAhead(ctx.exec);
  }

  /** Makes it if missing, and clears what dead builds have staged. */
  static async open(folder: string, ctx: StoreContext): Promise<LayerStore> {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    const found = await lstat(folder);
    if (!found.isDirectory() || found.uid !== 0 || (found.mode & 0o022) !== 0)
      throw new Error(`${folder} is not a folder of root's alone, and what lies there may be anybody's`);
    await mkdir(join(folder, "locks"), { recursive: true, mode: 0o700 });
    const store = new LayerStore(folder, await openFolder(folder), ctx);
    try {
      await store.#sweep();
      return store;
    } catch (error) {
      await store[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Nothing can be added any more. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#open[Symbol.asyncDispose]();
  }

  /** Drawn once for a store: keeps what a digest of a secret says from being guessed. */
  async salt(): Promise<string> {
    const file = join(this.folder, "salt");
    const drawn = randomBytes(32).toString("hex");
    await writeFile(file, drawn, { flag: "wx", mode: 0o600 }).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== "EEXIST") throw error;
    });
    return readFile(file, "utf8");
  }

  /** Sorted; a name tells what a layer is for, and nothing of its state. */
  async names(): Promise<string[]> {
    const all = await readdir(this.folder);
    return all.filter((name) => /^[0-9a-f]{16}\.[0-9a-f]{64}\.[0-9a-f]{16}$/.test(name)).sort();
  }

  /** Whether there is a layer whose name begins so. */
  async hasFor(prefix: string): Promise<boolean> {
    return (await this.names()).some((name) => name.startsWith(prefix));
  }

  /** All whole layers. */
  async list(): Promise<StoredLayer[]> {
    const names = await this.names();
    const layers = await Promise.all(names.map((id) => this.read(id)));
    return layers.filter((layer) => layer !== undefined);
  }

  /** Undefined when there is none of the name, or its layer.json says nothing. */
  async read(id: string): Promise<StoredLayer | undefined> {
    const folder = join(this.folder, id);
    const text = await readFile(join(folder, "layer.json"), "utf8").catch(() => undefined);
    const layer = text === undefined ? undefined : parseLayer(text);
    return layer === undefined ? undefined : { ...layer, id, folder };
  }

  /** Layers of a key; they differ in what their steps read beside. */
  async find(key: string): Promise<StoredLayer[]> {
    const names = (await this.names()).filter((name) => name.includes(`.${key}.`));
    const layers = await Promise.all(names.map((id) => this.read(id)));
    return layers.filter((layer) => layer !== undefined);
  }

  /** Holds a layer, so that nobody removes it. Undefined when another took its place meanwhile, and, with a warning, when it is not what was stored: then it is removed. */
  async use(layer: StoredLayer): Promise<FileHandle | undefined> {
    const lock = await tryLockExisting(join(layer.folder, "layer.json"), "shared", this.#ctx);
    if (lock === undefined) return undefined;
    const isSame = (await this.read(layer.id))?.seal === layer.seal;
    const isWhole = isSame ? await this.#ahead.take(layer) : undefined;
    if (isWhole === true) {
      const now = new Date();
      await utimes(join(layer.folder, "layer.json"), now, now).catch(() => undefined); // when it was used, for prune
      return lock;
    }
    await lock.close();
    if (isWhole === undefined) return undefined;
    this.#ctx.emit({
      type: "note",
      level: "warning",
      text: `The cached result of ${layer.phase} in ${layer.folder} is damaged. It is removed, and the phase runs again.`,
    });
    await this.remove(layer.id);
    return undefined;
  }

  /** Begins to check what was stored on top of a result: most likely it is used next. A store of many layers costs more than that saves. */
  async expect(result: string): Promise<void> {
    if ((await this.names()).length <= mostListed) this.#ahead.begin(result, await this.list());
  }

  /** Reads all of a layer. Undefined when it is whole, or has gone meanwhile; else what is wrong with it. */
  async verify(layer: StoredLayer): Promise<string | undefined> {
    const lock = await tryLockExisting(join(layer.folder, "layer.json"), "shared", this.#ctx);
    if (lock === undefined) return undefined;
    try {
      const now = await this.read(layer.id);
      return now === undefined ? "its description was changed" : await this.#flawOf(now);
    } finally {
      await lock.close();
    }
  }

  async #flawOf(layer: StoredLayer): Promise<string | undefined> {
    if ((await isIntact(layer, this.#ctx.exec)) === false) return "its files were changed after they had been stored";
    if (layer.form === "packed") {
      const { exitCode } = await this.#ctx.exec("zstd", ["-t", "-q", join(layer.folder, archiveName)]);
      return exitCode === 0 ? undefined : "its archive is damaged";
    }
    const digest = await digestTree(join(layer.folder, "tree"), this.#ctx.exec).catch(reasonOf);
    return digest === layer.treeDigest ? undefined : "its content is not what was stored";
  }

  /** Removes a layer that this build holds, and that is damaged. */
  async discard(id: string): Promise<void> {
    const gone = this.#newName(`gone-${id}`);
    await rename(join(this.folder, id), join(this.folder, gone));
    await this.#delete(gone);
  }

  /** False when a build uses it. */
  async remove(id: string): Promise<boolean> {
    const folder = join(this.folder, id);
    const lock = await tryLockExisting(join(folder, "layer.json"), "exclusive", this.#ctx);
    if (lock === undefined) return !(await pathExists(folder));
    try {
      await this.discard(id);
      return true;
    } finally {
      await lock.close();
    }
  }

  /** Waits until no other build makes a layer of these inputs. Returns what lets others do so. */
  async claim(what: string): Promise<() => Promise<void>> {
    const file = join(this.folder, "locks", `make-${what}`); // it stays: who waits for it waits for this file and no other
    let lock = await tryLock(file, this.#ctx);
    if (lock === undefined) {
      const text = "Another build is making what this one needs; waiting for it.";
      this.#ctx.emit({ type: "note", level: "info", text, waits: true });
      lock = await waitForLock(file, this.#ctx);
    }
    const held = lock;
    return () => held.close();
  }

  /**
   * Keeps a layer, and gives its name. What it is made from is not changed meanwhile. What goes wrong is told as a note and leaves
   * nothing.
   */
  async add(layer: NewLayer, from: LayerSource): Promise<string | undefined> {
    const id = nameOf(layer);
    const name = this.#newName(id);
    const staged = join(this.#open.path, name);
    const lock = await tryLock(this.#lockOf(name), this.#ctx);
    if (lock === undefined) return undefined;
    try {
      await mkdir(staged, { mode: 0o700 });
      const form = await (this.#form ??= this.#findForm());
      await writeContent(layer, from, { form, folder: staged }, this.#ctx);
      const seal = await sealTree(staged, this.#ctx.exec);
      const { stdout } = await this.#ctx.exec("du", ["-s", "-k", "--", staged]);
      const whole: Layer = {
        ...layer,
        version: layerVersion,
        createdAt: new Date().toISOString(),
        sizeBytes: Number(stdout.split("\t")[0]) * 1024,
        form,
        seal,
      };
      await writeFile(join(staged, "layer.json"), formatSealed(whole));
      await mustRun(this.#ctx.exec, "sync", ["-f", staged]);
      await this.remove(id); // an older one of the name, which is not used: it was not fresh
      await rename(staged, join(this.#open.path, id)).catch((error: NodeJS.ErrnoException) => {
        if (error.code !== "ENOTEMPTY" && error.code !== "EEXIST") throw error; // a build beside this one was first
      });
      await syncPath(this.#open.path);
      return id;
    } catch (error) {
      const reason = reasonOf(error).replaceAll(this.#open.path, this.folder);
      const text = `The result of ${layer.phase} is not cached: ${reason}`;
      if (!this.#ctx.signal.aborted) this.#ctx.emit({ type: "note", level: "warning", text });
      return undefined;
    } finally {
      await this.#giveUp(name, lock);
    }
  }

  /** A folder for what may become a layer: `path` is absolute, and leads to it whatever is mounted over the store. */
  async makeFolder(): Promise<{ readonly path: string; readonly remove: () => Promise<void> }> {
    const name = this.#newName("folder");
    const lock = await tryLock(this.#lockOf(name), this.#ctx);
    if (lock === undefined) throw new Error(`${this.#lockOf(name)} is locked`);
    const path = join(this.#open.path, name, "tree");
    await mkdir(path, { recursive: true, mode: 0o700 });
    return { path, remove: () => this.#giveUp(name, lock) };
  }

  async #giveUp(name: string, lock: FileHandle): Promise<void> {
    await this.#delete(name).catch(() => undefined); // the next build's sweep does it
    await rm(this.#lockOf(name), { force: true });
    await lock.close();
  }

  async #findForm(): Promise<Layer["form"]> {
    return (await carriesOverlay(join(this.folder, "locks"), this.#ctx)) ? "folder" : "packed";
  }

  /** What builds that died have staged: their locks are free. */
  async #sweep(): Promise<void> {
    for (const name of (await readdir(this.folder)).filter((each) => each.startsWith(stagingPrefix))) {
      const lock = await tryLock(this.#lockOf(name), this.#ctx);
      if (lock === undefined) continue;
      await this.#delete(name);
      await rm(this.#lockOf(name), { force: true });
      await lock.close();
    }
  }

  /** Of what is no layer yet, or no more; swept when the build that made it is dead. */
  #newName(of: string): string {
    return `${stagingPrefix}${of}.${randomUUID()}`;
  }

  async #delete(name: string): Promise<void> {
    await mustRun(this.#ctx.exec, "rm", ["-rf", "--one-file-system", "--", join(this.#open.path, name)]);
  }

  #lockOf(name: string): string {
    return join(this.#open.path, "locks", name);
  }
}

/** When a layer was used for the last time. */
export const lastUsed = async ({ folder }: StoredLayer): Promise<Date> =>
  (await stat(join(folder, "layer.json"))).mtime;

/** Where the layers of a cache lie. */
export const layersFolder = ({ cacheDir }: { readonly cacheDir: string }): string => join(cacheDir, "layers");
