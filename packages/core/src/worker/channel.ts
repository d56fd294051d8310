import { createInterface } from "node:readline";
import type { Readable, Writable } from "node:stream";

/** One JSON message a line. The order of messages is kept; a message is handled before the next is read. */
export async function readMessages<M>(
  source: Readable,
  onMessage: (message: M) => void | Promise<void>,
): Promise<void> {
  for await (const line of createInterface({ input: source, crlfDelay: Infinity })) {
    if (line !== "") await onMessage(JSON.parse(line) as M);
  }
}

export const sendMessage = (sink: Writable, message: unknown): void => void sink.write(`${JSON.stringify(message)}\n`);
