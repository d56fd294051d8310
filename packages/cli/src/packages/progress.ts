/** Says what a package manager is busy with: a line with a clock on a terminal, plain lines elsewhere. */
import { createLogUpdate } from "log-update";
import { formatSeconds } from "../progress/units.js";
import type { Terminal } from "../terminal.js";

const frameMs = 120;

export interface PackageProgress extends Disposable {
  doing(what: string): void;
  /** A line that stays. */
  note(text: string): void;
}

export function openPackageProgress(
  { err, canAnimate }: Terminal,
  stream: NodeJS.WriteStream = process.stderr,
): PackageProgress {
  const write = (text: string) => err.write(`${text}\n`);
  if (!canAnimate) return { doing: write, note: write, [Symbol.dispose]: () => {} };
  // Without its cursor handling no hook on process exit is needed.
  const region = createLogUpdate(stream, { showCursor: true });
  let now = { what: "", since: performance.now() };
  const paint = () =>
    region(err.colours.cyan(`▸ ${now.what}  ${formatSeconds((performance.now() - now.since) / 1000)}`));
  let timer: NodeJS.Timeout | undefined;
  return {
    doing(what) {
      now = { what, since: performance.now() };
      paint();
      timer ??= setInterval(paint, frameMs);
    },
    note: (text) => (timer === undefined ? write(text) : region.persist(text)),
    [Symbol.dispose]() {
      clearInterval(timer);
      region.clear();
    },
  };
}
