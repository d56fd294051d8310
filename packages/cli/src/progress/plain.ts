import type { BuildEvent } from "@dibjs/core";
import type { Colours, Terminal } from "../terminal.js";
import { PhaseTimes } from "./phase-times.js";
import { formatProfile } from "./profile.js";
import type { Renderer } from "./renderer.js";
import { sanitise, sanitiseLine } from "./sanitise.js";
import { restoredLine } from "./restored.js";
import { formatSeconds } from "./units.js";
import { formatUsage } from "./usage.js";

/** Lines that are only ever appended, what a script wrote behind its element and name: for logs and pipes. `image` stands before each. */
export function openPlainRenderer({ err }: Terminal, image?: string): Renderer {
  const times = new PhaseTimes();
  const prefix = image === undefined ? "" : err.colours.dim(`${image}: `);
  return {
    onEvent(event) {
      times.take(event);
      for (const line of linesOf(event, times, err.colours)) err.write(line === "" ? "\n" : `${prefix}${line}\n`);
    },
    suspend: () => {},
    resume: () => {},
    [Symbol.dispose]: () => {},
  };
}

function linesOf(event: BuildEvent, times: PhaseTimes, { bold, dim, red, yellow }: Colours): readonly string[] {
  switch (event.type) {
    case "expanded":
      return [`elements: ${event.elements.map(({ name, version }) => `${name}@${version}`).join(" ")}`];
    case "workspace":
      return [
        `building in ${event.buildDir}${event.tmpfs ? " (tmpfs)" : ""}`,
        ...(event.note === undefined ? [] : [event.note]),
      ];
    case "phase-start":
      return ["", bold(`=== ${event.phase} (${event.place === "chroot" ? "in the chroot" : "on the host"})`)];
    case "phase-restored":
      return ["", restoredLine(event)];
    case "phase-end":
      return [
        ...(times.scripts.length > 0 ? formatProfile(`${event.phase}.d`, times.scripts).map(dim) : []),
        `${event.phase} took ${formatSeconds(event.seconds)}`,
      ];
    case "script-start":
      return [`running ${event.phase}.d/${event.script} (${event.element})`];
    case "script-end":
      return event.outcome === "failed"
        ? [red(`${event.phase}.d/${event.script} (${event.element}) failed after ${formatSeconds(event.seconds)}`)]
        : [];
    case "output":
      return [`${dim(`${event.element}/${event.script} |`)} ${sanitiseLine(event.text)}`];
    case "break":
      return [`break point ${event.name}`];
    case "disk":
      return event.seconds === undefined
        ? []
        : [
            `disk: ${event.doing}${event.node === undefined ? "" : ` ${event.node}`} took ${formatSeconds(event.seconds)}`,
          ];
    case "format":
      return [`format ${event.format} took ${formatSeconds(event.seconds)}`];
    case "image-usage":
      return formatUsage(event);
    case "note":
      return [event.level === "warning" ? yellow(`warning: ${sanitise(event.text)}`) : `note: ${sanitise(event.text)}`];
    default:
      return [];
  }
}
