import { spawn, type ChildProcess } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { BuildEvent } from "@dibjs/core";

export const dibProgram = fileURLToPath(new URL("../../packages/cli/dist/main.js", import.meta.url));

export interface DibResult {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface DibPlace {
  readonly cwd: string;
  /** Beside PATH and HOME, which is `cwd`. */
  readonly env?: Readonly<Record<string, string>>;
}

interface DibOptions extends DibPlace {
  /** Gets each event of a build with `--json` as it comes, and the process that makes it. */
  readonly onEvent?: (event: BuildEvent, pid: number) => void;
}

/** A small environment: nothing of whoever runs the tests gets in. */
export const dibEnvironment = ({ cwd, env }: DibPlace) => ({ PATH: process.env["PATH"] ?? "", HOME: cwd, ...env });

/** Starts the CLI as a user would, without a terminal. */
export const startDib = (args: readonly string[], place: DibPlace): ChildProcess =>
  spawn(process.execPath, [dibProgram, ...args], {
    cwd: place.cwd,
    env: dibEnvironment(place),
    stdio: ["ignore", "pipe", "pipe"],
  });

/** Runs it to its end. */
export const runDib = (args: readonly string[], { onEvent, ...place }: DibOptions): Promise<DibResult> =>
  resultOf(startDib(args, place), onEvent);

/** Collects what a `dib` that was started says, until it has ended. */
export async function resultOf(child: ChildProcess, onEvent?: DibOptions["onEvent"]): Promise<DibResult> {
  let stdout = "";
  let stderr = "";
  let line = "";
  child.stdout?.on("data", (chunk: Buffer) => {
    stdout += chunk.toString();
    const lines = (line + chunk.toString()).split("\n");
    line = lines.pop() ?? "";
    if (onEvent !== undefined) for (const text of lines) onEvent(JSON.parse(text) as BuildEvent, child.pid ?? 0);
  });
  child.stderr?.on("data", (chunk: Buffer) => (stderr += chunk.toString()));
  const exitCode = await new Promise<number | null>((resolve) => child.once("close", resolve));
  return { exitCode, stdout, stderr };
}

/** Events of a build that was run with `--json`; its last line is the envelope with the reports or the errors. */
export const eventsOf = ({ stdout }: DibResult): BuildEvent[] =>
  stdout
    .split("\n")
    .filter(Boolean)
    .map((line) => JSON.parse(line) as BuildEvent)
    .filter(({ type }) => (type as string) !== "result");
