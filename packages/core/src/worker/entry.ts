/** The worker's entry: reads one build from its standard input, runs everything after the plan, and tells the outcome. */
import { createWriteStream } from "node:fs";
import { createHooks } from "../hooks.js";
import { createExec } from "../process/exec.js";
import { readMessages, sendMessage } from "./channel.js";
import { openScriptOutput } from "./output-frames.js";
import { protocolVersion, type FromWorker, type ToWorker } from "./protocol.js";
import { runBuild } from "./main.js";
import { writeError } from "./written-error.js";

const out = createWriteStream("", { fd: 1, autoClose: false });
const send = (message: FromWorker): void => sendMessage(out, message);
const output = openScriptOutput(2);
const abort = new AbortController();
let resume = (): void => {};

process.umask(0o022);
send({ type: "ready", version: protocolVersion });
await readMessages<ToWorker>(process.stdin, (message) => {
  if (message.type === "build") void build(message);
  else if (message.type === "resume") resume();
  else abort.abort(message.signal);
});

async function build({ plan, places }: ToWorker & { type: "build" }): Promise<void> {
  const hooks = createHooks();
  const emit = (event: FromWorker & { type: "event" }) => send(event);
  const ctx = {
    hooks,
    exec: createExec(),
    signal: abort.signal,
    emit: (event: (FromWorker & { type: "event" })["event"]) => {
      hooks.event.call(event);
      emit({ type: "event", event });
    },
  };
  try {
    const result = await runBuild({ plan, places, output, ctx, openShell: (request) => openShell(request) });
    send({ type: "done", result });
  } catch (error) {
    send({ type: "failed", error: writeError(error) });
  }
}

/** Asks the front for a shell and waits until it has ended. */
async function openShell(request: Omit<FromWorker & { type: "break" }, "type">): Promise<void> {
  await new Promise<void>((resolve) => {
    resume = resolve;
    send({ type: "break", ...request });
  });
}
