/**
 * Starts the worker in a mount, pid, ipc and uts namespace of its own. Three things end it with us, however we end:
 * setpriv's parent-death signal, unshare's --kill-child, and the lifeline, which is the worker's standard input.
 * With the namespace's first process every other one dies, and with them every mount.
 */
import { fileURLToPath } from "node:url";
import type { BuildContext } from "../context.js";
import type { PhaseForecast } from "../layers/forecast.js";
import type { Published as PublishedOutputs } from "../layers/up-to-date.js";
import { BuildError } from "../errors.js";
import { masker, secretTexts } from "../mask.js";
import type { BuildPlaces, BuildPlan } from "../plan/plan.js";
import { defaultEnv, startProcess } from "../process/exec.js";
import type { BuildEvent } from "../report/events.js";
import type { BuildReport } from "../report/report.js";
import { readMessages, sendMessage } from "./channel.js";
import { readFrames } from "./output-frames.js";
import {
  messageDescriptor,
  protocolVersion,
  type FromWorker,
  type OutputFrame,
  type WorkerResult,
} from "./protocol.js";
import { shellRequest, type ShellRequest } from "./shell-request.js";
import { readError, writeError } from "./written-error.js";

export interface WorkerListener<Published extends PublishedOutputs | undefined> {
  readonly onEvent: (event: BuildEvent) => void;
  /** Awaited: while it is slow, scripts are held back. */
  readonly onOutput: (frame: OutputFrame) => void | Promise<void>;
  /** Resolves when the shell has ended. */
  readonly onBreak: (request: ShellRequest) => Promise<void>;
  /** Publishes the outputs, which the worker holds until this resolves; what has been published is noted there. */
  readonly onDone: (result: WorkerResult) => Promise<Published>;
  /** Nothing was made: the outputs of an earlier build, which this is the report of, are what would be. */
  readonly onUpToDate: (report: BuildReport) => Published;
}

interface ForecastListener {
  readonly onForecast?: (phases: readonly PhaseForecast[]) => void;
}

// As the first process of the namespace: hands standard input on, and ends when it closes or the worker does. What the
// worker's plugins and their programs print goes to standard error, so that standard output carries messages alone.
// `--norc`, since bash takes a socket on standard input for rshd and would source the caller's ~/.bashrc.
const init = `
exec 3<&0
trap 'exit 137' TERM
"$@" < <(cat <&3; kill -TERM $$) 3<&- ${messageDescriptor}>&1 1>&2 &
wait $!
`;

const entry = fileURLToPath(new URL("./entry.js", import.meta.url));

type Ended = readonly [exitCode: number | null, signal: string | null];

/** Runs the worker to its end, and returns what became of its outputs. Throws what it failed with, WORKER_LAUNCH_FAILED, or WORKER_DIED when it ended without a word. */
export async function launchWorker<Published extends PublishedOutputs | undefined>(
  plan: BuildPlan,
  places: BuildPlaces,
  listener: WorkerListener<Published>,
  ctx: Pick<BuildContext, "signal">,
): Promise<Published> {
  return launch("build", plan, places, listener, ctx);
}

/** What a build would restore, and what it would run. Throws as `launchWorker` does. */
export async function launchForecast(
  plan: BuildPlan,
  places: BuildPlaces,
  ctx: Pick<BuildContext, "signal">,
): Promise<readonly PhaseForecast[]> {
  let told: readonly PhaseForecast[] = [];
  const listener = {
    onEvent() {},
    onOutput() {},
    onBreak: async () => {},
    onDone: async () => undefined,
    onUpToDate: () => undefined,
    onForecast: (phases: readonly PhaseForecast[]) => void (told = phases),
  };
  await launch("forecast", plan, places, listener, ctx);
  return told;
}

async function launch<Published extends PublishedOutputs | undefined>(
  what: "build" | "forecast",
  plan: BuildPlan,
  places: BuildPlaces,
  listener: WorkerListener<Published> & ForecastListener,
  ctx: Pick<BuildContext, "signal">,
): Promise<Published> {
  const namespaces = [
    "--mount",
    "--pid",
    "--ipc",
    "--uts",
    "--fork",
    "--kill-child=KILL",
    "--propagation",
    "slave",
    "--mount-proc",
  ];
  const node = [process.execPath, "--enable-source-maps", entry];
  const raise = process.getuid?.() === 0 ? [] : ["sudo", "-n"];
  const chain = [
    ...raise,
    "setpriv",
    "--pdeathsig",
    "KILL",
    "unshare",
    ...namespaces,
    "--",
    "bash",
    "--norc",
    "-c",
    init,
    "dib-worker",
    ...node,
  ];
  const child = startProcess(chain[0] ?? "", chain.slice(1), {
    stdio: ["pipe", "pipe", "pipe"],
    detached: true,
    env: { ...defaultEnv, HOME: "/root" },
  });
  const failed = new Promise<never>((_, reject) => {
    child.once("error", (error) => reject(new BuildError("WORKER_LAUNCH_FAILED", { reason: error.message })));
  });
  const ended = new Promise<Ended>((resolve) => child.once("close", (...how) => resolve(how)));
  const { stdin, stdout, stderr } = child;
  if (!stdin || !stdout || !stderr) return failed; // it has none when there are no descriptors left
  stdin.on("error", () => {}); // EPIPE when it died: its end says more
  const abort = () => sendMessage(stdin, { type: "abort", signal: String(ctx.signal.reason) });
  ctx.signal.addEventListener("abort", abort, { once: true });
  if (ctx.signal.aborted) abort(); // no event comes for that any more

  const listening = guard(listener, () => sendMessage(stdin, { type: "abort", signal: "SIGTERM" }));
  const mask = masker(secretTexts(places));
  let isReady = false;
  let diagnostics = "";
  let outcome: Outcome | undefined;
  let published: { readonly value: Published } | undefined;
  let phase: string | undefined;
  const handle = async (message: FromWorker): Promise<void> => {
    switch (message.type) {
      case "ready":
        if (message.version !== protocolVersion)
          throw new BuildError("WORKER_PROTOCOL_MISMATCH", { front: protocolVersion, worker: message.version });
        isReady = true;
        return sendMessage(stdin, { type: what, version: protocolVersion, plan, places });
      case "event":
        if (message.event.type === "phase-start") phase = message.event.phase;
        return listening.onEvent(maskNote(message.event, mask));
      case "break":
        await listening.onBreak(await shellRequest(message, child));
        return sendMessage(stdin, { type: "resume" });
      case "done":
        await listening.onDone(message.result, (value) => (published = { value }));
        return sendMessage(stdin, { type: "resume", published: published?.value });
      case "forecast":
        return listening.onForecast(message.phases, () => (published = { value: undefined as Published }));
      case "up-to-date":
        return listening.onUpToDate(message.report, (value) => (published = { value }));
      case "released":
      case "failed":
        outcome = message;
        return void stdin.end(); // lets the worker go
    }
  };
  const unframed = async (text: string): Promise<void> => {
    diagnostics = (diagnostics + text).slice(-4000);
    if (!isReady) return; // what the launch chain says is told with its failure
    const script = { phase: phase ?? "workspace", element: "-", script: "-" };
    await listening.onOutput({ script, stream: "stderr", bytes: Buffer.from(text) });
  };
  const streams = Promise.all([
    readMessages<FromWorker>(stdout, handle),
    readFrames(stderr, listening.onOutput, unframed),
  ]);
  try {
    const [exitCode, signal] = await Promise.race([streams.then(() => ended), failed]);
    if (listening.failure !== undefined) throw endOf(listening.failure, outcome);
    if (outcome?.type === "failed") throw readError(outcome.error, mask);
    if (published !== undefined) return published.value; // also of a worker that died since: the next start clears its folder
    if (!isReady)
      throw new BuildError("WORKER_LAUNCH_FAILED", {
        reason: diagnostics.trim() || `it ended with ${signal ?? exitCode}`,
      });
    throw new BuildError("WORKER_DIED", {
      how: signal === null ? `exit code ${exitCode}` : signal,
      phase,
      tail: mask(diagnostics.trim()),
    });
  } finally {
    ctx.signal.removeEventListener("abort", abort);
    stdin.destroy(); // the lifeline: whatever happened here, nothing of the build outlives this call
    child.kill("SIGKILL");
  }
}

type Outcome = FromWorker & { type: "released" | "failed" };

/** A listener that fails (a full disk under the log, a tap) interrupts the build, which then cleans up; it is not asked again. */
function guard<Published extends PublishedOutputs | undefined>(
  { onForecast = () => {}, ...listener }: WorkerListener<Published> & ForecastListener,
  interrupt: () => void,
) {
  const guarded =
    <A, R>(call: (value: A) => R | Promise<R>) =>
    async (value: A, onResult: (result: R) => void = () => {}): Promise<void> => {
      if (listening.failure !== undefined) return;
      try {
        onResult(await call(value));
      } catch (error) {
        listening.failure = { error };
        interrupt();
      }
    };
  const listening = {
    failure: undefined as { readonly error: unknown } | undefined,
    onEvent: guarded(listener.onEvent),
    onOutput: guarded(listener.onOutput),
    onBreak: guarded(listener.onBreak),
    onDone: guarded(listener.onDone),
    onUpToDate: guarded(listener.onUpToDate),
    onForecast: guarded(onForecast),
  };
  return listening;
}

/** What a build ends with whose listener failed. */
function endOf({ error }: { readonly error: unknown }, outcome: Outcome | undefined): unknown {
  const left = outcome?.type === "failed" ? outcome.error.left : [];
  return left.length === 0 ? error : readError({ ...writeError(error), left });
}

/** A note may hold what a script wrote. */
const maskNote = (event: BuildEvent, mask: (text: string) => string): BuildEvent =>
  event.type === "note" ? { ...event, text: mask(event.text) } : event;
