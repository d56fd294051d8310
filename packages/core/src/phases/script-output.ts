import type { Readable } from "node:stream";
import type { ScriptRef } from "../report/events.js";

/** Where the output of scripts goes: on to the front, held back when the front is slow; the last lines are kept here. */
export interface ScriptOutput {
  pipe(script: ScriptRef, stream: "stdout" | "stderr", source: Readable): Promise<void>;
  line(script: ScriptRef, text: string): void;
  /** The last lines that a script wrote, for its error message. */
  tail(script: ScriptRef): string;
  /** The last kilobytes, which say why it failed. */
  ending(script: ScriptRef): string;
}
