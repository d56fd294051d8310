/**
 * Script output on the worker's standard error: a NUL, a line of JSON that says whose it is and how many bytes follow,
 * then the bytes as the script wrote them. None: what was written last has no newline, and nothing follows. What is not framed is what programs of plugins said, or
 * the worker's own last words.
 */
import { once } from "node:events";
import { Socket } from "node:net";
import type { Readable, Writable } from "node:stream";
import type { ScriptOutput } from "../phases/script-output.js";
import type { ScriptRef } from "../report/events.js";
import type { OutputFrame } from "./protocol.js";

const keptBytes = 8 * 1024;
const tailLines = 20;
const newline = 10;
const endOfLine = Buffer.alloc(0);

/** Writes frames to a pipe or socket; a script is held back while the other end is slow. */
export function openScriptOutput(descriptor: number): ScriptOutput {
  const sink = new Socket({ fd: descriptor, readable: false, writable: true });
  const tails = new Map<string, Buffer>();
  const keyOf = (ref: ScriptRef) => JSON.stringify([ref.phase, ref.element, ref.script]);
  const keep = (ref: ScriptRef, bytes: Buffer) => {
    const kept = Buffer.concat([tails.get(keyOf(ref)) ?? Buffer.alloc(0), bytes]);
    tails.set(keyOf(ref), kept.subarray(-keptBytes));
  };
  const endingOf = (ref: ScriptRef) => (tails.get(keyOf(ref)) ?? Buffer.alloc(0)).toString("utf8");
  return {
    async pipe(ref, stream, source: Readable) {
      let last: number | undefined = newline;
      try {
        for await (const chunk of source as AsyncIterable<Buffer>) {
          keep(ref, chunk);
          last = chunk.at(-1);
          await write(sink, encodeFrame({ script: ref, stream, bytes: chunk }));
        }
      } finally {
        if (last !== newline) await write(sink, encodeFrame({ script: ref, stream, bytes: endOfLine }));
      }
    },
    line(ref, text) {
      const bytes = Buffer.from(`${text}\n`);
      keep(ref, bytes);
      sink.write(encodeFrame({ script: ref, stream: "stdout", bytes }));
    },
    tail: (ref) => endingOf(ref).trimEnd().split("\n").slice(-tailLines).join("\n"),
    ending: endingOf,
  };
}

async function write(sink: Writable, bytes: Uint8Array): Promise<void> {
  if (!sink.write(bytes)) await once(sink, "drain");
}

export function encodeFrame({ script, stream, bytes }: OutputFrame): Buffer {
  const { phase, element, script: name } = script;
  return Buffer.concat([
    Buffer.from(`\0${JSON.stringify({ phase, element, script: name, stream, bytes: bytes.length })}\n`),
    bytes,
  ]);
}

/** Takes a stream of frames apart; text between frames goes to `onDiagnostics`. */
export async function readFrames(
  source: Readable,
  onFrame: (frame: OutputFrame) => void | Promise<void>,
  onDiagnostics: (text: string) => void | Promise<void>,
): Promise<void> {
  let waiting: Buffer = Buffer.alloc(0);
  for await (const chunk of source as AsyncIterable<Buffer>) {
    waiting = waiting.length === 0 ? chunk : Buffer.concat([waiting, chunk]);
    for (;;) {
      const taken = takeFrame(waiting);
      if (taken === undefined) break;
      waiting = waiting.subarray(taken.length);
      if (taken.frame === undefined) await onDiagnostics(taken.text);
      else await onFrame(taken.frame);
    }
  }
  if (waiting.length > 0) await onDiagnostics(waiting.toString());
}

type Taken =
  { length: number; frame: OutputFrame; text?: undefined } | { length: number; frame?: undefined; text: string };

function takeFrame(bytes: Buffer): Taken | undefined {
  if (bytes.length === 0) return undefined;
  if (bytes[0] !== 0) {
    const end = bytes.indexOf(0);
    const length = end === -1 ? bytes.length : end;
    return { length, text: bytes.toString("utf8", 0, length) };
  }
  const headEnd = bytes.indexOf(newline);
  if (headEnd === -1) return undefined;
  const head = readHead(bytes.toString("utf8", 1, headEnd));
  if (head === undefined) return { length: headEnd + 1, text: bytes.toString("utf8", 1, headEnd + 1) };
  const length = headEnd + 1 + head.bytes;
  if (bytes.length < length) return undefined;
  const { phase, element, script, stream } = head;
  return { length, frame: { script: { phase, element, script }, stream, bytes: bytes.subarray(headEnd + 1, length) } };
}

/** Undefined when a program that a plugin started wrote in between. */
function readHead(text: string): (ScriptRef & { stream: "stdout" | "stderr"; bytes: number }) | undefined {
  try {
    return JSON.parse(text) as ReturnType<typeof readHead>;
  } catch {
    return undefined;
  }
}
