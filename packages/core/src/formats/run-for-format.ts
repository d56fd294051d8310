import { dirname } from "node:path";
import { BuildError } from "../errors.js";
import { saysNoSpace } from "../out-of-space.js";
import { isFull } from "../workspace/is-full.js";
import type { FormatRequest } from "./format.js";

type Command = readonly [string, ...string[]];

/** Runs a program that writes a format. Throws SPACE_EXHAUSTED, or FORMAT_FAILED with what it said. */
export async function runForFormat(
  {
    exec,
    signal,
    format,
    staged,
    cwd,
  }: Pick<FormatRequest, "exec" | "signal" | "format" | "staged"> & { readonly cwd?: string },
  [file, ...args]: Command,
): Promise<void> {
  const { exitCode, stdout, stderr } = await exec(file, args, { signal, ...(cwd === undefined ? {} : { cwd }) });
  signal.throwIfAborted();
  if (exitCode === 0) return;
  if (saysNoSpace(stderr) || (await isFull(dirname(staged))))
    throw new BuildError("SPACE_EXHAUSTED", { path: dirname(staged), doing: `writing the ${format} output` });
  throw new BuildError("FORMAT_FAILED", {
    format,
    reason: (stderr.trim() || stdout.trim() || `${file} exited with ${exitCode}`).slice(-2000),
  });
}

/** Reads an output back with a program that checks it; of its listing, which can be long, the end is kept. Throws ARTIFACT_CHECK_FAILED. */
export async function checkOutput(
  { exec, signal, staged, cwd }: FormatRequest & { readonly cwd?: string },
  [file, ...args]: Command,
): Promise<void> {
  const said = { stdout: "", stderr: "" };
  const { exitCode } = await exec(file, args, {
    signal,
    ...(cwd === undefined ? {} : { cwd }),
    onOutput: async (stream, source) => {
      for await (const chunk of source) said[stream] = (said[stream] + String(chunk)).slice(-2000);
    },
  });
  signal.throwIfAborted();
  if (exitCode !== 0)
    throw new BuildError("ARTIFACT_CHECK_FAILED", {
      file: staged,
      reason: said.stderr.trim() || said.stdout.trim() || `${file} exited with ${exitCode}`,
    });
}
