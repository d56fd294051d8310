import { Readable } from "node:stream";
import { encodeFrame, readFrames } from "@dibjs/core/worker/output-frames.js";
import type { OutputFrame } from "@dibjs/core/worker/protocol.js";
import fc from "fast-check";
import { expect, test } from "vitest";

const script = { phase: "install", element: "motd", script: "10-motd" };

async function readAll(chunks: readonly Uint8Array[]): Promise<{ frames: OutputFrame[]; diagnostics: string }> {
  const frames: OutputFrame[] = [];
  let diagnostics = "";
  const collect = (frame: OutputFrame) => void frames.push({ ...frame, bytes: Uint8Array.from(frame.bytes) });
  await readFrames(
    Readable.from(chunks.map((chunk) => Buffer.from(chunk))),
    collect,
    (text) => void (diagnostics += text),
  );
  return { frames, diagnostics };
}

test("frames come out as they went in, wherever the stream is cut", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 5 }),
      fc.integer({ min: 1, max: 30 }),
      async (outputs, size) => {
        const stream = Buffer.concat(outputs.map((bytes) => encodeFrame({ script, stream: "stdout", bytes })));
        const chunks = Array.from({ length: Math.ceil(stream.length / size) }, (_, at) =>
          stream.subarray(at * size, (at + 1) * size),
        );
        const { frames, diagnostics } = await readAll(chunks);
        expect(frames.map(({ bytes }) => bytes)).toEqual(outputs);
        expect(diagnostics).toBe("");
      },
    ),
    { numRuns: 60 },
  );
});

test("what the worker itself says between frames is kept apart", async () => {
  const frame = encodeFrame({ script, stream: "stderr", bytes: Buffer.from("hello\n") });
  const { frames, diagnostics } = await readAll([frame, Buffer.from("out of memory\n")]);
  expect(frames).toHaveLength(1);
  expect(diagnostics).toBe("out of memory\n");
});

test("a frame that a program wrote into is the worker's words, and the next one is whole again", async () => {
  const frame = encodeFrame({ script, stream: "stdout", bytes: Buffer.from("hello\n") });
  const { frames, diagnostics } = await readAll([frame.subarray(0, 9), Buffer.from("odd\n"), frame.subarray(9), frame]);
  expect(frames).toEqual([{ script, stream: "stdout", bytes: Uint8Array.from(Buffer.from("hello\n")) }]);
  expect(diagnostics).toContain("odd\n");
});
