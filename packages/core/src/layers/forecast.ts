/** What a build would restore and what it would run, without running anything. */
import type { PhaseInfo } from "../phases/table.js";
import { explainMiss } from "./explain.js";
import type { HookView } from "./hook-view.js";
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
    const inputs = this.#layers.inputsOf(phase, view, added);
    const found = await this.#layers.lookUp(phase, inputs);
    if (found !== undefined) {
      await this.#layers.restore(found);
      return restored(found, this.#isAssumed);
    }
    const isParentKnown = !this.#isAssumed;
    this.#isAssumed = true;
    const nearest = await this.#layers.nearest(phase);
    if (nearest === undefined) {
      this.#isOpen = false;
      return runs(phase, [isSilent(view) ? silent : "no build of this image has kept a result of it"]);
    }
    const now = await this.#layers.stateNow(inputs, nearest, { isParentKnown });
    await this.#layers.restore(nearest);
    const reasons = explainMiss(nearest, now);
    return runs(phase, reasons.length === 0 && isSilent(view) ? [silent] : reasons);
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
