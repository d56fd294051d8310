/**
 * Code that runs without end, `for (;;)`, can't be stopped from the thread that it runs on. This is another thread: when
 * it is not called off in time, it has the first one give up what it runs. What the first thread waits for goes on.
 */
import { Worker } from "node:worker_threads";

const program = `
const { Session } = require("node:inspector");
const { parentPort, workerData } = require("node:worker_threads");
let timer;
parentPort.on("message", (isOn) => {
  clearTimeout(timer);
  if (isOn) timer = setTimeout(stop, workerData);
});
function stop() {
  const session = new Session();
  session.connectToMainThread();
  session.post("Runtime.terminateExecution");
}
`;

export interface Watchdog extends Disposable {
  /** From now on, the main thread must call `calm` in time. */
  alert(): void;
  calm(): void;
}

/** A watchdog that is never alerted starts no thread. */
export function openWatchdog(limitMs: number): Watchdog {
  let thread: Worker | undefined;
  return {
    alert() {
      if (thread === undefined) {
        thread = new Worker(program, { eval: true, workerData: limitMs, stdout: true, stderr: true });
        thread.on("error", () => {}); // it guards against bad plugins; a build does not depend on it
        thread.unref();
      }
      thread.postMessage(true);
    },
    calm: () => thread?.postMessage(false),
    [Symbol.dispose]: () => void thread?.terminate(),
  };
}
