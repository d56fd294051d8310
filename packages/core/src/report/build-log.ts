/**
 * What scripts wrote, as lines: kept in full in the build log and passed on as events. Bytes are handled as latin1
 * text, so that the log holds what was written and nothing else; secrets are masked here, where output leaves the build.
 */
import { open } from "node:fs/promises";
import { masker } from "../mask.js";
import type { OutputFrame } from "../worker/protocol.js";
import type { BuildEvent } from "./events.js";

/** A line longer than this reaches events in pieces. */
const pieceBytes = 64 * 1024;

export interface BuildLog extends AsyncDisposable {
  /** Resolves when the log file took it: scripts are held back by a slow disk, not by memory. */
  write(frame: OutputFrame): Promise<void>;
}

/** Appends to `file`; without one only events are made. */
export async function openBuildLog(
  file: string | undefined,
  secrets: readonly string[],
  emit: (event: BuildEvent) => void,
): Promise<BuildLog> {
  const handle = file === undefined ? undefined : await open(file, "a", 0o600);
  const mask = masker(secrets, "latin1");
  const begun = new Map<string, { frame: OutputFrame; text: string }>();

  const put = async ({ script, stream }: OutputFrame, line: string) => {
    const text = mask(line);
    emit({ type: "output", ...script, stream, text: Buffer.from(text, "latin1").toString("utf8") });
    await handle?.write(
      Buffer.from(
        `${new Date().toISOString()} | ${script.phase} | ${script.element}/${script.script} | ${text}\n`,
        "latin1",
      ),
    );
  };
  return {
    async write(frame) {
      const key = JSON.stringify([frame.script, frame.stream]);
      const lines = ((begun.get(key)?.text ?? "") + Buffer.from(frame.bytes).toString("latin1")).split("\n");
      let rest = lines.pop() ?? "";
      for (const line of lines) await put(frame, line);
      while (rest.length > pieceBytes) {
        await put(frame, rest.slice(0, pieceBytes));
        rest = rest.slice(pieceBytes);
      }
      begun.set(key, { frame, text: rest });
    },
    async [Symbol.asyncDispose]() {
      for (const { frame, text } of begun.values()) if (text !== "") await put(frame, text);
      begun.clear();
      await handle?.close();
    },
  };
}
