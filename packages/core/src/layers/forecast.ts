/** What a build would restore and what it would run, without running anything. */
import type { PhaseInfo } from "../phases/table.js";
import { explainMiss } from "./explain.js";
import type { HookView } from "./hook-view.js";
import type { Inputs } from "./layer.js";
import { uncacheableIn } from "./inputs.js";
import type { StoredLayer } from "./store.js";
import type { TreeLayers } from "./tree-layers.js";

/** What a build would do with a phase. */
export interface PhaseForecast {
  readonly phase: string;
  /** `assumed`: restored if the phases that run before give what they gave. */
  readonly state: "cached" | "assumed" | "runs";
  /** Why it runs. */
  readonly reasons: readonly string[];
  readonly layer?: string;
  /** ISO 8601. */
  readonly createdAt?: string;
  readonly savedSeconds?: number;
}

/** Goes through the phases in their order. A phase that would run counts as if it gave again what it gave the last time. */
export class Forecast {
  readonly #layers: TreeLayers;
  #isAssumed = false;
  #isOpen = true;

  constructor(layers: TreeLayers) {
    this.#layers = layers;
  }

  async next(phase: PhaseInfo, view: HookView, added: ReadonlyMap<string, string>): Promise<PhaseForecast> {
    const refusing = uncacheableIn(phase, this.#layers.plan);
    if (refusing.length > 0) this.#isOpen = false;
    if (!this.#isOpen || !this.#layers.isOpen)
      return runs(
        phase,
        refusing.length > 0
          ? refusing.map((name) => `element ${name} does not let its result be kept`)
          : ["nothing is cached from an earlier phase on"],
      );
    const { forecast, layer } = await this.#look(phase, this.#layers.inputsOf(phase, view, added), isSilent(view));
    if (layer === undefined) this.#isOpen = false;
    else await this.#layers.restore(layer);
    if (forecast.state === "runs") this.#isAssumed = true;
    return forecast;
  }

  /** After the tree phases. */
  async disk(phase: PhaseInfo, own: Inputs): Promise<PhaseForecast> {
    const { disk } = this.#layers;
    if (!this.#isOpen || disk === undefined) return runs(phase, ["nothing is cached from an earlier phase on"]);
    return (await this.#look(phase, disk.inputsOf(own), false)).forecast;
  }

  /** With the layer that is taken, or was made last. */
  async #look(
    phase: PhaseInfo,
    inputs: Inputs,
    mayBeSilent: boolean,
  ): Promise<{ readonly forecast: PhaseForecast; readonly layer: StoredLayer | undefined }> {
    const layer = await this.#layers.lookUp(phase, inputs);
    if (layer !== undefined) return { forecast: restored(layer, this.#isAssumed), layer };
    const nearest = await this.#layers.nearest(phase);
    if (nearest === undefined)
      return {
        forecast: runs(phase, [mayBeSilent ? silent : "no build of this image has kept a result of it"]),
        layer,
      };
    const now = await this.#layers.stateNow(inputs, nearest, { isParentKnown: !this.#isAssumed });
    const reasons = explainMiss(nearest, now);
    return { forecast: runs(phase, reasons.length === 0 && mayBeSilent ? [silent] : reasons), layer: nearest };
  }
}

const silent = "a script of it fetches something and does not say what";
const isSilent = ({ mentions }: HookView): boolean => mentions.has("fetch");

const runs = ({ name }: PhaseInfo, reasons: readonly string[]): PhaseForecast => ({
  phase: name,
  state: "runs",
  reasons,
});

const restored = ({ phase, id, createdAt, seconds }: StoredLayer, isAssumed: boolean): PhaseForecast => ({
  ...{ phase, state: isAssumed ? "assumed" : "cached", reasons: [] },
  ...{ layer: id, createdAt, savedSeconds: seconds },
});
