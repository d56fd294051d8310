import type { BuildEvent } from "@dibjs/core";
import type { ScriptTime } from "./profile.js";

/** Collects what the profile table of the running phase needs. */
export class PhaseTimes {
  #times: ScriptTime[] = [];

  get scripts(): readonly ScriptTime[] {
    return this.#times;
  }

  take(event: BuildEvent): void {
    if (event.type === "phase-start") this.#times = [];
    if (event.type === "script-end") this.#times.push({ script: event.script, seconds: event.seconds });
  }
}
