import { PassThrough, Readable } from "node:stream";
import { readMessages, sendMessage } from "@dibjs/core/worker/channel.js";
import fc from "fast-check";
import { expect, test } from "vitest";

async function received(stream: Readable): Promise<unknown[]> {
  const messages: unknown[] = [];
  await readMessages(stream, (message) => void messages.push(message));
  return messages;
}

test("messages come out as they went in, wherever the stream is cut and whatever breaks lines elsewhere", async () => {
  const text = fc.string({ unit: fc.constantFrom("a", "\n", "\r", "\u2028", "\u2029", "ü", "😀", '"') });
  await fc.assert(
    fc.asyncProperty(fc.array(fc.record({ text })), fc.integer({ min: 1, max: 9 }), async (messages, size) => {
      const sink = new PassThrough();
      for (const message of messages) sendMessage(sink, message);
      const bytes = (sink.read() as Buffer | null) ?? Buffer.alloc(0);
      const chunks = Array.from({ length: Math.ceil(bytes.length / size) }, (_, at) =>
        bytes.subarray(at * size, (at + 1) * size),
      );
      expect(await received(Readable.from(chunks, { objectMode: false }))).toEqual(messages);
    }),
  );
});

test("a message that its sender's death cut short is none", async () => {
  const chunks = [Buffer.from('{"type":"ready"}\n{"type":"do')];
  expect(await received(Readable.from(chunks, { objectMode: false }))).toEqual([{ type: "ready" }]);
});
