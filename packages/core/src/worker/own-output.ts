import { Readable, Writable } from "node:stream";
import type { ScriptOutput } from "../phases/script-output.js";
import type { ScriptRef } from "../report/events.js";

/**
 * What plugins print, with `console` or `process.stdout`, is output of the build like that of scripts. Call before
 * anything prints: `console` keeps the streams that it finds first.
 */
export function captureOwnOutput(output: ScriptOutput, speaker: () => ScriptRef): void {
  for (const name of ["stdout", "stderr"] as const) {
    const value = new Writable({
      write(chunk: Buffer, _encoding, done) {
        output.pipe(speaker(), name, Readable.from([chunk])).then(() => done(), done);
      },
    });
    Object.defineProperty(process, name, { value, configurable: true, writable: true });
  }
}
