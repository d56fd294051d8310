import type { BuildEvent } from "@dibjs/core";
import { createLogUpdate } from "log-update";
import type { Terminal } from "../terminal.js";
import { PhaseTimes } from "./phase-times.js";
import { formatProfile } from "./profile.js";
import type { Renderer } from "./renderer.js";
import { sanitise, sanitiseLine } from "./sanitise.js";
import { restoredLine } from "./restored.js";
import { formatSeconds } from "./units.js";
import { formatUsage } from "./usage.js";

const shownLines = 5;
const frameMs = 120;

/** A region at the bottom that is repainted: the running phase and script, and the last lines of output. What is done stays above. */
export function openTtyRenderer(terminal: Terminal, stream: NodeJS.WriteStream): Renderer {
  const { colours } = terminal.err;
  // Without its cursor handling no hook on process exit is needed, and a killed build leaves a visible cursor.
  const region = createLogUpdate(stream, { showCursor: true });
  const times = new PhaseTimes();
  let running: { phase: string; since: number; doing: string; doingSince: number } | undefined;
  let tail: string[] = [];
  let timer: NodeJS.Timeout | undefined;

  const cut = (line: string) =>
    line.length < terminal.err.columns ? line : `${line.slice(0, terminal.err.columns - 2)}…`;
  const paint = () => {
    if (running === undefined) return;
    const { phase, since, doing, doingSince } = running;
    const clock = (from: number) => formatSeconds((performance.now() - from) / 1000);
    const head =
      doing === "" ? `${phase}  ${clock(since)}` : `${phase}  ${clock(since)}  ${doing}  ${clock(doingSince)}`;
    region([colours.cyan(cut(`▸ ${head}`)), ...tail.map((line) => colours.dim(cut(`  ${line}`)))].join("\n"));
  };
  const start = () => (timer ??= setInterval(paint, frameMs));
  const stop = () => {
    clearInterval(timer);
    timer = undefined;
    region.clear();
  };
  const keep = (lines: readonly string[]) => {
    if (timer === undefined) terminal.err.write(`${lines.join("\n")}\n`);
    else region.persist(lines.join("\n"));
  };
  const begin = (phase: string, doing = "") => {
    const now = performance.now();
    running = { phase, since: running?.phase === phase ? running.since : now, doing, doingSince: now };
  };

  const onEvent = (event: BuildEvent): void => {
    times.take(event);
    switch (event.type) {
      case "expanded":
        return keep([
          colours.dim(`${event.elements.length} elements: ${event.elements.map(({ name }) => name).join(" ")}`),
        ]);
      case "phase-start":
        tail = [];
        return begin(event.phase);
      case "script-start":
        return begin(event.phase, `${event.element}/${event.script}`);
      case "output":
        tail = [...tail, sanitiseLine(event.text)].slice(-shownLines);
        return;
      case "phase-end": {
        const profile =
          times.scripts.length > 0
            ? formatProfile(`${event.phase}.d`, times.scripts).map((line) => colours.dim(`  ${line}`))
            : [];
        running = undefined;
        tail = [];
        return keep([`${colours.green("✓")} ${event.phase}  ${formatSeconds(event.seconds)}`, ...profile]);
      }
      case "phase-restored":
        return keep([`${colours.green("✓")} ${colours.dim(restoredLine(event))}`]);
      case "disk":
        return event.seconds === undefined
          ? begin("disk", [event.doing, event.node].filter(Boolean).join(" "))
          : undefined;
      case "format":
        return keep([`${colours.green("✓")} format ${event.format}  ${formatSeconds(event.seconds)}`]);
      case "image-usage":
        return keep(formatUsage(event));
      case "note":
        return keep([
          event.level === "warning"
            ? colours.yellow(`warning: ${sanitise(event.text)}`)
            : colours.dim(sanitise(event.text)),
        ]);
      case "failed":
      case "done":
        return stop();
      default:
        return undefined;
    }
  };

  start();
  return { onEvent, suspend: stop, resume: start, [Symbol.dispose]: stop };
}
