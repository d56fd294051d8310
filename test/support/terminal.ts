import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { dibEnvironment, dibProgram, type DibPlace } from "./dib.js";

const terminalProgram = fileURLToPath(new URL("terminal.py", import.meta.url));

export type Step =
  { readonly expect: string } | { readonly send: string } | { readonly pause: number } | { readonly hangUp: true };

export interface OnTerminal {
  /** null when a signal ended it. */
  readonly exitCode: number | null;
  /** Of the signal that ended it, else 0. */
  readonly signal: number;
  readonly transcript: string;
  /** A text that did not come. */
  readonly missing: string | null;
  /** Whether the terminal echoes when all is over. */
  readonly echo: boolean | null;
}

/** Runs `dib` on a pseudo-terminal of 100 columns and talks to it. */
export const dibOnTerminal = (
  args: readonly string[],
  steps: readonly Step[],
  where: DibPlace,
  timeout = 60,
): OnTerminal => onTerminal(dibProgram, args, steps, where, timeout);

/** The same for any program that Node runs. */
export function onTerminal(
  program: string,
  args: readonly string[],
  steps: readonly Step[],
  where: DibPlace,
  timeout = 60,
): OnTerminal {
  const job = {
    command: [process.execPath, program, ...args],
    env: { TERM: "xterm", ...dibEnvironment(where) },
    cwd: where.cwd,
    timeout,
    steps,
  };
  const { stdout, stderr, status } = spawnSync("python3", [terminalProgram], {
    input: JSON.stringify(job),
    encoding: "utf8",
    maxBuffer: 2 ** 26,
  });
  if (status !== 0) throw new Error(stderr);
  return JSON.parse(stdout) as OnTerminal;
}
