import type { PhaseForecast } from "@dibjs/core";
import { formatAge, formatSeconds } from "./progress/units.js";

const shownReasons = 5;

/** A phase and what a build would do with it. */
export function forecastRow(
  { phase, state, reasons, createdAt, savedSeconds = 0 }: PhaseForecast,
  now: Date,
): readonly string[] {
  if (state === "runs") {
    const more = reasons.length > shownReasons ? [`and ${reasons.length - shownReasons} more`] : [];
    return [phase, "runs", [...reasons.slice(0, shownReasons), ...more].join("; ")];
  }
  const age = formatAge(Math.max(0, (now.getTime() - Date.parse(createdAt ?? "")) / 1000));
  const text = `${age} ago, when it took ${formatSeconds(savedSeconds)}`;
  return [phase, "cached", state === "cached" ? text : `${text}, if what runs before gives the same`];
}
