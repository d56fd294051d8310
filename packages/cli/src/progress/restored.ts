import type { BuildEvent } from "@dibjs/core";
import { formatAge, formatSeconds } from "./units.js";

/** A phase that did not run. */
export const restoredLine = ({ phase, ageSeconds, savedSeconds }: BuildEvent & { type: "phase-restored" }): string =>
  `${phase} cached ${formatAge(ageSeconds)} ago, when it took ${formatSeconds(savedSeconds)}`;
