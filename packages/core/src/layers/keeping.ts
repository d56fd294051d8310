import type { BuildContext } from "../context.js";
import { reasonOf } from "../errors.js";
import { openFolder, type OpenFolder } from "../workspace/open-folder.js";
import type { LayerSource } from "./layer-content.js";
import { defaultLimits, pruneLayers } from "./prune.js";
import type { LayerStore, NewLayer } from "./store.js";

/** A result of a phase on its way into the store. */
export interface Kept {
  readonly phase: string;
  /** Resolves when the digests are known. */
  readonly layer: () => Promise<NewLayer>;
  /** A tree that nothing changes any more; or what lies in the store, and is there once `layer` has resolved. */
  readonly from:
    Extract<LayerSource, { readonly tree: string }> | Promise<Extract<LayerSource, { readonly moved: string }>>;
  /** Called in any case, once it is stored or given up. */
  readonly release: () => Promise<void>;
}

/** Stores what phases have made, one after another, while the build goes on. What goes wrong is told, and ends no build. */
export class Keeping {
  readonly #store: LayerStore;
  readonly #ctx: BuildContext;
  #last: Promise<void> = Promise.resolve();
  readonly #kept: string[] = [];

  constructor(store: LayerStore, ctx: BuildContext) {
    this.#store = store;
    this.#ctx = ctx;
  }

  add(kept: Kept): void {
    // Now, while its name leads to it: the cleanup phase covers names.
    const opened = "tree" in kept.from ? openFolder(kept.from.tree) : undefined;
    for (const told of [opened, kept.from]) Promise.resolve<unknown>(told).catch(() => undefined); // by #keep
    this.#last = this.#last.then(() => this.#keep(kept, opened));
  }

  /** Names of what is stored so far. */
  get kept(): readonly string[] {
    return this.#kept;
  }

  /** Resolves when all is stored. */
  async settle(): Promise<void> {
    await this.#last;
    if (this.#kept.length > 0) await pruneLayers(this.#store, defaultLimits).catch(() => []); // the next build does it
  }

  async #keep({ phase, layer, from, release }: Kept, opened: Promise<OpenFolder> | undefined): Promise<void> {
    const { signal, emit } = this.#ctx;
    try {
      await using tree = await opened;
      if (signal.aborted) return;
      const described = await layer();
      const source = await from;
      const id = await this.#store.add(described, tree === undefined ? source : { ...source, tree: tree.path });
      if (id !== undefined) this.#kept.push(id);
    } catch (error) {
      const text = `The result of ${phase} is not cached: ${reasonOf(error)}`;
      if (!signal.aborted) emit({ type: "note", level: "warning", text });
    } finally {
      await release().catch(() => undefined);
    }
  }
}
