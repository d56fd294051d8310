import type { Readable } from "node:stream";

/** How a child process ended. `exitCode` is undefined when a signal ended it. */
export interface ExecResult {
  readonly exitCode: number | undefined;
  readonly signal: string | undefined;
  readonly stdout: string;
  readonly stderr: string;
}

export interface ExecOptions {
  readonly cwd?: string;
  /** The whole environment of the child; nothing is inherited. Default: PATH, LC_ALL=C.UTF-8, TZ=UTC. */
  readonly env?: Readonly<Record<string, string>>;
  readonly input?: string | Uint8Array;
  readonly signal?: AbortSignal;
  /** Gets output as it comes instead of it being collected; a returned promise holds the child back. */
  readonly onOutput?: (stream: "stdout" | "stderr", source: Readable) => Promise<void>;
}

/** Runs a program to its end. Never rejects for a non-zero exit: look at the result. Rejects when it could not be started. */
export type Exec = (file: string, args: readonly string[], options?: ExecOptions) => Promise<ExecResult>;
