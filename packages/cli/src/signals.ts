import { exitCodeOfSignal } from "./failure.js";

const handled = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
const insistTimes = 3;
const insistMs = 5000;

export interface Interrupts extends Disposable {
  /** Aborted by the first signal; the reason is its name. */
  readonly signal: AbortSignal;
  abort(name: string): void;
}

/**
 * The first signal lets the build release what it holds. Later ones are left alone, so that a held-down Ctrl-C can't
 * leave mounts behind; three within five seconds end this process, and with it the worker's namespace.
 */
export function listenForInterrupts(say: (text: string) => void): Interrupts {
  const controller = new AbortController();
  let times: number[] = [];
  const onSignal = (name: NodeJS.Signals): void => {
    const now = performance.now();
    times = [...times.filter((time) => now - time < insistMs), now];
    if (times.length >= insistTimes) process.exit(exitCodeOfSignal(name));
    if (controller.signal.aborted) return;
    say(`${name}: cleaning up. Three signals within 5 s end the build the hard way.`);
    controller.abort(name);
  };
  for (const name of handled) process.on(name, onSignal);
  return {
    signal: controller.signal,
    abort: (name) => controller.abort(name),
    [Symbol.dispose]() {
      for (const name of handled) process.off(name, onSignal);
    },
  };
}
