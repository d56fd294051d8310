import { dirname } from "node:path";
import { BuildError } from "../errors.js";
import { saysNoSpace } from "../out-of-space.js";
import { isFull } from "../workspace/is-full.js";
import type { FormatRequest } from "./format.js";

type Command = readonly [string, ...string[]];

/** Runs a program that writes a format. Throws SPACE_EXHAUSTED, or FORMAT_FAILED with what it said. */
export async function runForFormat(
  { exec, signal, format, staged }: FormatRequest,
  [file, ...args]: Command,
): Promise<void> {
  const { exitCode, stdout, stderr } = await exec(file, args, { signal });
  signal.throwIfAborted();
  if (exitCode === 0) return;
  if (saysNoSpace(stderr) || (await isFull(dirname(staged))))
    throw new BuildError("SPACE_EXHAUSTED", { path: dirname(staged), doing: `writing the ${format} output` });
  throw new BuildError("FORMAT_FAILED", {
    format,
    reason: (stderr.trim() || stdout.trim() || `${file} exited with ${exitCode}`).slice(-2000),
  });
}

/** Reads an output back with a program that checks it; its listing can be long and is dropped. Throws ARTIFACT_CHECK_FAILED. */
export async function checkOutput({ exec, signal, staged }: FormatRequest, [file, ...args]: Command): Promise<void> {
  let said = "";
  const { exitCode } = await exec(file, args, {
    signal,
    onOutput: async (stream, source) => {
      for await (const chunk of source) if (stream === "stderr") said = (said + String(chunk)).slice(-2000);
    },
  });
  signal.throwIfAborted();
  if (exitCode !== 0)
    throw new BuildError("ARTIFACT_CHECK_FAILED", {
      file: staged,
      reason: said.trim() || `${file} exited with ${exitCode}`,
    });
}
