import type { Hooks } from "./hooks.js";
import type { Exec } from "./process/exec.js";
import type { BuildEvent } from "./report/events.js";

/** The services every stage may use. State never lives here: it is passed on as results. */
export interface BuildContext {
  readonly hooks: Hooks;
  readonly exec: Exec;
  /** Aborted on interrupt. Releases never take it. */
  readonly signal: AbortSignal;
  /** Calls the `event` hook; the time is filled in. */
  readonly emit: (event: BuildEvent) => void;
}
