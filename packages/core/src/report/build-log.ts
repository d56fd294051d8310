/**
 * What scripts wrote, as lines: kept in full in the build log and passed on as events. Bytes are handled as latin1
 * text, so that the log holds what was written and nothing else; secrets are masked here, where output leaves the build.
 */
import { open } from "node:fs/promises";
import { BuildError, reasonOf } from "../errors.js";
import { longestSpelling, masker } from "../mask.js";
import { outOfSpace } from "../out-of-space.js";
import type { OutputFrame } from "../worker/protocol.js";
import type { BuildEvent } from "./events.js";

/** A line longer than this reaches events in pieces. */
const pieceBytes = 64 * 1024;

export interface BuildLog extends AsyncDisposable {
  /**
   * Resolves when the log file took it: scripts are held back by a slow disk, not by memory. Throws SPACE_EXHAUSTED and
   * OUTPUT_UNWRITABLE.
   */
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
  // A cut is made only where no secret can have begun that is not yet whole.
  const longest = longestSpelling * Math.max(0, ...secrets.map((secret) => Buffer.byteLength(secret)));
  const begun = new Map<string, { frame: OutputFrame; text: string }>();
  let hasFailed = false;

  const put = async ({ script, stream }: OutputFrame, line: string) => {
    const text = mask(line);
    emit({ type: "output", ...script, stream, text: Buffer.from(text, "latin1").toString("utf8") });
    const logged = `${new Date().toISOString()} | ${script.phase} | ${script.element}/${script.script} | ${text}\n`;
    await handle?.appendFile(logged, "latin1").catch((error: unknown) => {
      hasFailed = true;
      throw unlogged(error, file ?? "");
    });
  };
  return {
    async write(frame) {
      const key = JSON.stringify([frame.script, frame.stream]);
      const lines = ((begun.get(key)?.text ?? "") + Buffer.from(frame.bytes).toString("latin1")).split("\n");
      const isEnded = frame.bytes.length === 0 && lines.at(-1) !== "";
      let rest = isEnded ? "" : (lines.pop() ?? "");
      for (const line of lines) await put(frame, line);
      if (rest.length > pieceBytes + longest) rest = mask(rest);
      while (rest.length > pieceBytes + longest) {
        await put(frame, rest.slice(0, pieceBytes));
        rest = rest.slice(pieceBytes);
      }
      begun.set(key, { frame, text: rest });
    },
    async [Symbol.asyncDispose]() {
      try {
        for (const { frame, text } of begun.values()) if (text !== "" && !hasFailed) await put(frame, text);
      } finally {
        begun.clear();
        await handle?.close();
      }
    },
  };
}

function unlogged(error: unknown, path: string): unknown {
  const failure = outOfSpace(error, { path, doing: "writing the build log" });
  if (failure !== error) return failure;
  return new BuildError("OUTPUT_UNWRITABLE", { path, reason: reasonOf(error), setting: "--logfile" }, { cause: error });
}
