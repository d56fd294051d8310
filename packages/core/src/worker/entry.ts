/** The worker's entry: reads one build from its standard input, runs it, and tells the outcome. */
import { Socket } from "node:net";
import { BuildError } from "../errors.js";
import { createHooks } from "../hooks.js";
import type { Published } from "../layers/up-to-date.js";
import { createExec } from "../process/exec.js";
import type { BuildEvent } from "../report/events.js";
import type { BuildReport } from "../report/report.js";
import type { OpenShell } from "./break-points.js";
import { readMessages, sendMessage } from "./channel.js";
import { forecastBuild, runBuild } from "./main.js";
import { captureOwnOutput } from "./own-output.js";
import { openScriptOutput } from "./output-frames.js";
import { messageDescriptor, protocolVersion, type FromWorker, type ToWorker, type WorkerResult } from "./protocol.js";
import { writeError } from "./written-error.js";

const out = new Socket({ fd: messageDescriptor, readable: false, writable: true });
const send = (message: FromWorker): void => sendMessage(out, message);
const output = openScriptOutput(2);
const abort = new AbortController();
let stage = "workspace";
let resume = (_published: Published | undefined): void => {};

captureOwnOutput(output, () => ({ phase: stage, element: "-", script: "-" }));
process.umask(0o022);
send({ type: "ready", version: protocolVersion });
await readMessages<ToWorker>(process.stdin, (message) => {
  if (message.type === "resume") resume(message.published);
  else if (message.type !== "abort") void build(message);
  else abort.abort(new BuildError("BUILD_INTERRUPTED", { signal: message.signal, stage }));
});

async function build({ type, version, plan, places }: ToWorker & { type: "build" | "forecast" }): Promise<void> {
  if (version !== protocolVersion) {
    send({
      type: "failed",
      error: writeError(new BuildError("WORKER_PROTOCOL_MISMATCH", { front: version, worker: protocolVersion })),
    });
    return;
  }
  const hooks = createHooks();
  const emit = (event: BuildEvent) => {
    if (event.type === "phase-start") stage = event.phase;
    hooks.event.call(event);
    send({ type: "event", event });
  };
  const ctx = { hooks, exec: createExec(), signal: abort.signal, emit };
  try {
    const publish = (result: WorkerResult) => ask({ type: "done", result });
    const openShell = async (request: Parameters<OpenShell>[0]) => void (await ask({ type: "break", ...request }));
    const tellUpToDate = (report: BuildReport) => send({ type: "up-to-date", report });
    const asked = { plan, places, output, ctx, openShell, publish, tellUpToDate };
    if (type === "build") await runBuild(asked);
    else send({ type: "forecast", phases: await forecastBuild(asked) });
    send({ type: "released" });
  } catch (error) {
    // Whatever failed because it was cut short, the interrupt is what happened.
    const written = writeError(error);
    const { left } = written;
    send({ type: "failed", error: abort.signal.aborted ? { ...writeError(abort.signal.reason), left } : written });
  }
}

/** Waits until the front has done what it is asked for. */
function ask(message: FromWorker): Promise<Published | undefined> {
  return new Promise((resolve) => {
    resume = resolve;
    send(message);
  });
}
