/** What the store keeps of a disk: the folder of an earlier build, or a new one that is written right where it stays. */
import type { BuildContext } from "../context.js";
import type { PhaseInfo } from "../phases/table.js";
import { canonicalJson, sha256 } from "../plan/digest.js";
import type { BuildPlan } from "../plan/plan.js";
import type { Workspace } from "../workspace/workspace.js";
import { keyOf } from "./inputs.js";
import { layerVersion, type Inputs } from "./layer.js";
import type { OpenedStore } from "./open-store.js";
import type { NewLayer, StoredLayer } from "./store.js";
import { digestTree } from "./tree-digest.js";

interface DiskLayersSetting extends OpenedStore {
  /** Digest of what the last tree phase has made. */
  readonly parent: Promise<string>;
  readonly plan: BuildPlan;
  readonly workspace: Workspace;
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
  /** From `newFolder`. */
  readonly folder: string;
  /** Rejects when it can't be made. */
  readonly isWhole: Promise<unknown>;
  /** As `performance.now` counts. */
  readonly startedAt: number;
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

  /** A folder to write into: absolute, and the same whatever is mounted over the store. It goes at the end of the build if it is not kept. */
  async newFolder(): Promise<string> {
    const { store, workspace } = this.#setting;
    const { path, remove } = await store.makeFolder();
    workspace.resources.defer("what was not kept of the disk", remove);
    return path;
  }

  /** Keeps a new folder once it is whole; then nothing changes it any more. */
  keep(phase: PhaseInfo, own: Inputs, { folder, isWhole, startedAt }: NewDisk): void {
    const { plan, ctx, keeping, parent } = this.#setting;
    const took = isWhole.then(() => (performance.now() - startedAt) / 1000);
    took.catch(() => undefined); // told below
    const layer = async (): Promise<NewLayer> => {
      const [seconds, below] = [await took, await parent];
      const [inputs, treeDigest] = [this.inputsOf(own), await digestTree(folder, ctx.exec, ctx.signal)];
      const key = keyOf(inputs, below);
      return {
        ...{ phase: phase.name, image: plan.output, inputs, reads: {}, facts: [], mounts: [], files: [], commits: [] },
        ...{ hooks: { written: [], removed: [] }, aptSuites: [], seconds, parent: below, key, treeDigest },
        result: sha256(canonicalJson({ key, treeDigest })),
      };
    };
    keeping.add({ phase: phase.name, layer, from: { moved: folder, hooksDir: folder }, release: async () => {} });
  }
}
