import { spawn, type ChildProcess, type StdioOptions } from "node:child_process";
import type { Socket } from "node:net";
import type { Readable } from "node:stream";
import type { Options } from "execa";

/** How a child process ended. `exitCode` is undefined when a signal ended it. */
export interface ExecResult {
  readonly exitCode: number | undefined;
  readonly signal: string | undefined;
  readonly stdout: string;
  readonly stderr: string;
}

export interface ExecOptions {
  readonly cwd?: string;
  /** The whole environment of the child; nothing is inherited. @default PATH, LC_ALL=C.UTF-8, TZ=UTC */
  readonly env?: Readonly<Record<string, string>>;
  readonly input?: string | Uint8Array;
  readonly signal?: AbortSignal;
  /** Open file descriptors for the child, from 3 up. */
  readonly descriptors?: readonly number[];
  /** Gets output as it comes instead of it being collected; a returned promise holds the child back. */
  readonly onOutput?: (stream: "stdout" | "stderr", source: Readable) => Promise<void>;
}

/** Runs a program to its end. Never rejects for a non-zero exit: look at the result. Exit code 127 means it was not found. */
export type Exec = (file: string, args: readonly string[], options?: ExecOptions) => Promise<ExecResult>;

export const defaultEnv: Readonly<Record<string, string>> = {
  PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
  LC_ALL: "C.UTF-8",
  TZ: "UTC",
};

/** What we use of execa's subprocess; its own type depends on options that are only known at run time. */
interface Running extends PromiseLike<Ended> {
  readonly stdout: Socket | null;
  readonly stderr: Socket | null;
  once(event: "exit", listener: () => void): unknown;
}

interface Ended {
  readonly exitCode?: number;
  readonly signal?: string;
  readonly stdout?: string;
  readonly stderr?: string;
  readonly isCanceled: boolean;
  readonly shortMessage?: string;
}

/** A process that ended may leave a daemon that holds its pipes; so long we wait for the last lines. */
const graceMs = 300;

/** More than the kernel holds of what was written into a pipe and not yet read. */
const pipeBytes = 2 ** 20;

/** The one place where child processes start. execa is loaded with the first of them: it takes 100 ms. */
export function createExec(): Exec {
  return async (file, args, options = {}) => {
    const { execa } = await import("execa");
    const child: Running = execa(file, args, {
      cwd: options.cwd ?? "/",
      env: options.env ?? defaultEnv,
      extendEnv: false,
      reject: false,
      stripFinalNewline: false,
      buffer: options.onOutput === undefined,
      maxBuffer: 64 * 2 ** 20,
      stdio: [options.input === undefined ? "ignore" : "pipe", "pipe", "pipe", ...(options.descriptors ?? [])],
      ...(options.input === undefined ? {} : { input: options.input }),
      ...(options.signal === undefined ? {} : { cancelSignal: options.signal }),
    } as Options) as never;
    child.once("exit", () => {
      for (const pipe of [child.stdout, child.stderr]) if (pipe !== null) cutWhenRead(pipe);
    });
    const forwarded = options.onOutput
      ? [forward(child.stdout, "stdout", options.onOutput), forward(child.stderr, "stderr", options.onOutput)]
      : [];
    const [result] = await Promise.all([child, ...forwarded]);
    const isMissing = result.exitCode === undefined && result.signal === undefined && !result.isCanceled;
    return {
      exitCode: isMissing ? 127 : result.exitCode,
      signal: result.signal,
      stdout: result.stdout ?? "",
      stderr: isMissing ? (result.shortMessage ?? "not started") : (result.stderr ?? ""),
    };
  };
}

/** A slow reader gets all that the program wrote: the pipe is cut once nothing waits in it, or what comes is a daemon's. */
function cutWhenRead(pipe: Socket, untilBytes = pipe.bytesRead + pipeBytes): void {
  const look = () => {
    if (pipe.readableLength === 0 || pipe.bytesRead > untilBytes) pipe.destroy();
    else cutWhenRead(pipe, untilBytes);
  };
  // Right after the poll for input, when what the kernel still held has come to the stream.
  setTimeout(() => setImmediate(look), graceMs).unref();
}

async function forward(
  source: Readable | null,
  stream: "stdout" | "stderr",
  onOutput: NonNullable<ExecOptions["onOutput"]>,
): Promise<void> {
  if (source === null) return;
  await onOutput(stream, source).catch((error: unknown) => {
    // The stream was cut after the process had ended: what came before is there.
    if ((error as NodeJS.ErrnoException).code !== "ERR_STREAM_PREMATURE_CLOSE") throw error;
  });
}

/** As `exec`, but a failure is an error that says what the program wrote. For programs of ours, not for scripts of elements. */
export async function mustRun(
  exec: Exec,
  file: string,
  args: readonly string[],
  options?: ExecOptions,
): Promise<string> {
  const { exitCode, signal, stdout, stderr } = await exec(file, args, options);
  if (exitCode === 0) return stdout;
  const how = signal === undefined ? `exited with ${exitCode}` : `was killed by ${signal}`;
  throw new Error(`${file} ${args.join(" ")} ${how}: ${(stderr.trim() || stdout.trim()).slice(-2000)}`);
}

/** Starts a process that lives beside us; the caller ends it. `detached` gives it a session of its own, out of reach of the terminal's Ctrl-C. */
export function startProcess(
  file: string,
  args: readonly string[],
  options: { stdio: StdioOptions; env?: Readonly<Record<string, string>>; cwd?: string; detached?: boolean },
): ChildProcess {
  return spawn(file, args, { env: defaultEnv, cwd: "/", ...options });
}
