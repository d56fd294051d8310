/** What the store keeps of a disk: the folder of an earlier build, or a new one that is written right where it stays. */
import type { BuildContext } from "../context.js";
import type { PhaseInfo } from "../phases/table.js";
import { canonicalJson, sha256 } from "../plan/digest.js";
import type { BuildPlan } from "../plan/plan.js";
import { keyOf } from "./inputs.js";
import { layerVersion, type Inputs } from "./layer.js";
import type { OpenedStore } from "./open-store.js";
import type { NewLayer, StoredLayer } from "./store.js";
import { digestTree } from "./tree-digest.js";

interface DiskLayersSetting extends OpenedStore {
  /** Digest of what the last tree phase has made. */
  readonly parent: Promise<string>;
  readonly plan: BuildPlan;
  readonly ctx: BuildContext;
  /** Finds a layer, and holds it until the end of this build. */
  readonly take: (
    phase: PhaseInfo,
    inputs: Inputs,
  ) => Promise<{ readonly layer: StoredLayer; readonly folder: string } | undefined>;
  readonly tell: (layer: StoredLayer) => void;
}

/** Of an earlier build. */
export interface KeptFolder {
  /** Absolute. */
  readonly folder: string;
  /** Its name in the store. */
  readonly layer: string;
  /** ISO 8601. */
  readonly createdAt: string;
  /** Says that it is used. */
  readonly tell: () => void;
  /** It turned out to be of no use. */
  readonly discard: () => Promise<void>;
}

export interface NewDisk {
  /** Into a folder of the store, by a path that is the same whatever is mounted over it. */
  readonly write: (folder: string) => Promise<void>;
  /** How long it took to make the disk. */
  readonly seconds: number;
}

export class DiskLayers {
  readonly #setting: DiskLayersSetting;

  constructor(setting: DiskLayersSetting) {
    this.#setting = setting;
  }

  /** What is kept beside trees depends on the engine as well. */
  inputsOf(own: Inputs): Inputs {
    return { ...own, engine: `${layerVersion} ${this.#setting.engine}` };
  }

  async find(phase: PhaseInfo, own: Inputs): Promise<KeptFolder | undefined> {
    const { take, tell, store } = this.#setting;
    const found = await take(phase, this.inputsOf(own));
    if (found === undefined) return undefined;
    const { folder, layer } = found;
    return {
      folder,
      layer: layer.id,
      createdAt: layer.createdAt,
      tell: () => tell(layer),
      discard: () => store.discard(layer.id),
    };
  }

  /** Keeps a folder that `write` fills, beside what follows. Returns what waits until it is written, well or not. */
  keep(phase: PhaseInfo, own: Inputs, { write, seconds }: NewDisk): () => Promise<void> {
    const { plan, ctx, keeping, parent, store } = this.#setting;
    const making = store.makeFolder();
    const written = making.then(({ path }) => write(path));
    const layer = async (): Promise<NewLayer> => {
      await written;
      const [below, { path }] = [await parent, await making];
      const [inputs, treeDigest] = [this.inputsOf(own), await digestTree(path, ctx.exec, ctx.signal)];
      const key = keyOf(inputs, below);
      return {
        ...{ phase: phase.name, image: plan.output, inputs, reads: {}, facts: [], mounts: [], files: [], commits: [] },
        ...{ hooks: { written: [], removed: [] }, aptSuites: [], seconds, parent: below, key, treeDigest },
        result: sha256(canonicalJson({ key, treeDigest })),
      };
    };
    const from = making.then(({ path }) => ({ moved: path, hooksDir: path }));
    const release = async () => (await making).remove();
    keeping.add({ phase: phase.name, layer, from, release });
    return () => written.catch(() => undefined); // told to who stores it
  }
}
