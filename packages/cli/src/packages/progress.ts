/** Says what a package manager is busy with: a line with a clock on a terminal, plain lines elsewhere. */
import { createLogUpdate } from "log-update";
import { formatSeconds } from "../progress/units.js";
import type { Terminal } from "../terminal.js";

const frameMs = 120;

export interface PackageProgress extends Disposable {
  doing(what: string): void;
}

export function openPackageProgress({ err, canAnimate }: Terminal): PackageProgress {
  if (!canAnimate) return { doing: (what) => err.write(`${what}\n`), [Symbol.dispose]: () => {} };
  // Without its cursor handling no hook on process exit is needed.
  const region = createLogUpdate(process.stderr, { showCursor: true });
  let now = { what: "", since: performance.now() };
  const paint = () =>
    region(err.colours.cyan(`▸ ${now.what}  ${formatSeconds((performance.now() - now.since) / 1000)}`));
  const timer = setInterval(paint, frameMs);
  return {
    doing(what) {
      now = { what, since: performance.now() };
      paint();
    },
    [Symbol.dispose]() {
      clearInterval(timer);
      region.clear();
    },
  };
}
