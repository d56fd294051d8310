import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

export const dib = fileURLToPath(new URL("../../packages/cli/dist/main.js", import.meta.url));
const terminalProgram = fileURLToPath(new URL("terminal.py", import.meta.url));

export interface Told {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

interface Where {
  readonly cwd: string;
  /** Beside PATH and HOME. */
  readonly env?: Readonly<Record<string, string>>;
}

/** A small environment: nothing of whoever runs the tests gets in. */
const environment = ({ cwd, env }: Where) => ({ PATH: process.env.PATH ?? "", HOME: cwd, ...env });

/** Runs `dib` without a terminal, to its end. */
export async function runDib(args: readonly string[], where: Where): Promise<Told> {
  const child = startDib(args, where);
  let [stdout, stderr] = ["", ""];
  child.stdout?.on("data", (chunk: Buffer) => (stdout += chunk.toString()));
  child.stderr?.on("data", (chunk: Buffer) => (stderr += chunk.toString()));
  const [exitCode] = (await once(child, "close")) as [number | null];
  return { exitCode, stdout, stderr };
}

export const startDib = (args: readonly string[], where: Where): ChildProcess =>
  spawn(process.execPath, [dib, ...args], {
    cwd: where.cwd,
    env: environment(where),
    stdio: ["ignore", "pipe", "pipe"],
  });

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
export function dibOnTerminal(args: readonly string[], steps: readonly Step[], where: Where, timeout = 60): OnTerminal {
  const job = {
    command: [process.execPath, dib, ...args],
    env: { TERM: "xterm", ...environment(where) },
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
