import { reasonOf } from "../errors.js";
import type { BuildContext } from "../context.js";
import type { BuildPlaces } from "../plan/plan.js";
import type { Workspace } from "../workspace/workspace.js";
import { digestEngine } from "./engine.js";
import { Freshness } from "./freshness.js";
import { Keeping } from "./keeping.js";
import { layersFolder, LayerStore } from "./store.js";

/** The store as a build uses it, and what of this engine and this machine is in every key. */
export interface OpenedStore {
  readonly store: LayerStore;
  readonly engine: string;
  readonly salt: string;
  readonly keeping: Keeping;
  readonly freshness: Freshness;
}

interface StoreSetting {
  readonly places: BuildPlaces;
  readonly workspace: Workspace;
  readonly env: Readonly<Record<string, string>>;
  readonly ctx: BuildContext;
}

/** Undefined, with a warning, for a folder that can't be one: the build does without. */
export async function openStore({ places, workspace, env, ctx }: StoreSetting): Promise<OpenedStore | undefined> {
  try {
    const store = await LayerStore.open(layersFolder(places), ctx);
    workspace.resources.defer("the store of layers", () => store[Symbol.asyncDispose]());
    const salt = await store.salt();
    const keeping = new Keeping(store, ctx);
    const freshness = new Freshness({ exec: ctx.exec, signal: ctx.signal, env });
    workspace.resources.defer("connections to mirrors", () => freshness[Symbol.asyncDispose]());
    workspace.resources.defer("the layers being kept", () => keeping.settle());
    return { store, engine: digestEngine(places), salt, keeping, freshness };
  } catch (error) {
    ctx.emit({ type: "note", level: "warning", text: `Nothing is cached: ${reasonOf(error)}` });
    return undefined;
  }
}
