import { Readable } from "node:stream";
import type { ScriptRef } from "../report/events.js";
import type { ScriptOutput } from "./script-output.js";

/** The last `IMAGE_BLOCK_DEVICE=` line that a script wrote to standard output. Read as text: nothing is evaluated. */
export interface DeviceListener {
  readonly output: ScriptOutput;
  answer(): { readonly device: string; readonly script: ScriptRef } | undefined;
}

const line = /^\s*(?:export\s+)?IMAGE_BLOCK_DEVICE=(.*)$/;
const longest = 4096;

/** Listens while output passes on its way. */
export function listenForDevice(output: ScriptOutput): DeviceListener {
  let answer: ReturnType<DeviceListener["answer"]>;
  const read = (script: ScriptRef, text: string) => {
    const [, written] = line.exec(text) ?? [];
    const device = written?.trim().replace(/^(["'])(.*)\1$/, "$2");
    if (device !== undefined && device !== "") answer = { device, script };
  };
  async function* listen(script: ScriptRef, source: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
    let rest = "";
    for await (const chunk of source) {
      const lines = (rest + chunk.toString("latin1")).split("\n");
      rest = (lines.pop() ?? "").slice(0, longest);
      for (const text of lines) read(script, text);
      yield chunk;
    }
    read(script, rest);
  }
  return {
    output: {
      ...output,
      pipe: (script, stream, source) =>
        output.pipe(script, stream, stream === "stdout" ? Readable.from(listen(script, source)) : source),
    },
    answer: () => answer,
  };
}
