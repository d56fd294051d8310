import { createLogUpdate } from "log-update";
import type { Colours, Terminal } from "../terminal.js";
import { PhaseTimes } from "./phase-times.js";
import { formatProfile } from "./profile.js";
import type { Renderer } from "./renderer.js";
import { sanitise, sanitiseLine } from "./sanitise.js";
import { restoredLine } from "./restored.js";
import { formatSeconds } from "./units.js";
import { formatUsage } from "./usage.js";

const shownLines = 5;
const frameMs = 120;

/** What one build shows on a screen. */
interface View {
  readonly image: string | undefined;
  running: { phase: string; since: number; doing: string; doingSince: number } | undefined;
  tail: string[];
}

/** The region at the bottom of a terminal that several builds share. */
export interface TtyScreen extends Disposable {
  /** A build's part of it; `image` stands before what it says when there are several. */
  open(image: string | undefined): Renderer;
}

/** A region that is repainted: for each build the running phase and script, and the last lines of output. What is done stays above. */
export function openTtyScreen(terminal: Terminal, stream: NodeJS.WriteStream): TtyScreen {
  const { colours } = terminal.err;
  // Without its cursor handling no hook on process exit is needed, and a killed build leaves a visible cursor.
  const region = createLogUpdate(stream, { showCursor: true });
  const views = new Set<View>();
  let timer: NodeJS.Timeout | undefined;

  const cut = (line: string) =>
    line.length < terminal.err.columns ? line : `${line.slice(0, terminal.err.columns - 2)}…`;
  const linesOf = ({ image, running, tail }: View): string[] => {
    if (running === undefined) return [];
    const { phase, since, doing, doingSince } = running;
    const clock = (from: number) => formatSeconds((performance.now() - from) / 1000);
    const head =
      doing === "" ? `${phase}  ${clock(since)}` : `${phase}  ${clock(since)}  ${doing}  ${clock(doingSince)}`;
    const named = image === undefined ? head : `${image}  ${head}`;
    const shown = tail.slice(-Math.max(1, Math.floor(shownLines / views.size)));
    return [colours.cyan(cut(`▸ ${named}`)), ...shown.map((line) => colours.dim(cut(`  ${line}`)))];
  };
  const paint = () => {
    const lines = [...views].flatMap(linesOf);
    if (lines.length > 0) region(lines.join("\n"));
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

  return {
    open(image) {
      const view: View = { image, running: undefined, tail: [] };
      views.add(view);
      start();
      const close = () => {
        views.delete(view);
        if (views.size === 0) stop();
        else region.clear(); // its lines go with the next frame
      };
      const onEvent = listenFor(view, keep, close, colours);
      return { onEvent, suspend: stop, resume: start, [Symbol.dispose]: close };
    },
    [Symbol.dispose]: stop,
  };
}

/** One build alone. */
export const openTtyRenderer = (terminal: Terminal, stream: NodeJS.WriteStream): Renderer =>
  openTtyScreen(terminal, stream).open(undefined);

function listenFor(
  view: View,
  keep: (lines: readonly string[]) => void,
  close: () => void,
  colours: Colours,
): Renderer["onEvent"] {
  const times = new PhaseTimes();
  const name = view.image === undefined ? "" : `${view.image}  `;
  const begin = (phase: string, doing = "") => {
    const now = performance.now();
    const since = view.running?.phase === phase ? view.running.since : now;
    view.running = { phase, since, doing, doingSince: now };
  };
  return (event) => {
    times.take(event);
    switch (event.type) {
      case "expanded":
        return keep([
          colours.dim(`${name}${event.elements.length} elements: ${event.elements.map((each) => each.name).join(" ")}`),
        ]);
      case "phase-start":
        view.tail = [];
        return begin(event.phase);
      case "script-start":
        return begin(event.phase, `${event.element}/${event.script}`);
      case "output":
        view.tail = [...view.tail, sanitiseLine(event.text)].slice(-shownLines);
        return;
      case "phase-end": {
        const profile =
          times.scripts.length > 0 && view.image === undefined
            ? formatProfile(`${event.phase}.d`, times.scripts).map((line) => colours.dim(`  ${line}`))
            : [];
        view.running = undefined;
        view.tail = [];
        return keep([`${colours.green("✓")} ${name}${event.phase}  ${formatSeconds(event.seconds)}`, ...profile]);
      }
      case "phase-restored":
        return keep([`${colours.green("✓")} ${colours.dim(`${name}${restoredLine(event)}`)}`]);
      case "disk":
        return event.seconds === undefined
          ? begin("disk", [event.doing, event.node].filter(Boolean).join(" "))
          : undefined;
      case "format":
        return keep([`${colours.green("✓")} ${name}format ${event.format}  ${formatSeconds(event.seconds)}`]);
      case "image-usage":
        return keep(formatUsage(event));
      case "note": {
        const text = `${name}${sanitise(event.text)}`;
        return keep([event.level === "warning" ? colours.yellow(`warning: ${text}`) : colours.dim(text)]);
      }
      case "failed":
      case "done":
        return close();
      default:
        return undefined;
    }
  };
}
