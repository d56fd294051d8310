import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { BuildEvent } from "@dibjs/core";

const main = fileURLToPath(new URL("../../packages/cli/dist/main.js", import.meta.url));

export interface DibResult {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface DibOptions {
  readonly cwd: string;
  /** Beside PATH and HOME, which is `cwd`. */
  readonly env?: Readonly<Record<string, string>>;
  /** Gets each event of a build with `--json` as it comes, and the process that makes it. */
  readonly onEvent?: (event: BuildEvent, pid: number) => void;
}

/** Runs the CLI as a user would: a process of its own, nothing of the caller's environment but PATH. */
export async function dib(args: readonly string[], { cwd, env = {}, onEvent }: DibOptions): Promise<DibResult> {
  const child = spawn(process.execPath, [main, ...args], {
    cwd,
    env: { PATH: process.env["PATH"] ?? "", HOME: cwd, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let stdout = "";
  let stderr = "";
  let line = "";
  child.stdout.on("data", (chunk: Buffer) => {
    stdout += chunk.toString();
    const lines = (line + chunk.toString()).split("\n");
    line = lines.pop() ?? "";
    if (onEvent !== undefined) for (const text of lines) onEvent(JSON.parse(text) as BuildEvent, child.pid ?? 0);
  });
  child.stderr.on("data", (chunk: Buffer) => (stderr += chunk.toString()));
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
