import type { Readable, Writable } from "node:stream";

/** One JSON message a line. The order of messages is kept; a message is handled before the next is read. */
export async function readMessages<M>(
  source: Readable,
  onMessage: (message: M) => void | Promise<void>,
): Promise<void> {
  for await (const line of wholeLines(source)) if (line !== "") await onMessage(JSON.parse(line) as M);
}

export const sendMessage = (sink: Writable, message: unknown): void => void sink.write(`${JSON.stringify(message)}\n`);

/**
 * Split at newlines only: readline also splits at U+2028, which JSON has as it is. A last line without its end is what
 * a killed sender left of a message.
 */
async function* wholeLines(source: Readable): AsyncGenerator<string> {
  source.setEncoding("utf8");
  let pieces: string[] = [];
  for await (const chunk of source as AsyncIterable<string>) {
    const [end = "", ...begun] = chunk.split("\n");
    pieces.push(end);
    for (const next of begun) {
      yield pieces.join("");
      pieces = [next];
    }
  }
}
