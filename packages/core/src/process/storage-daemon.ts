/**
 * QEMU's block layer as a process of its own: what it opens and exports is said in its arguments, and what it does then through
 * QMP, a line of JSON for each command, answer and event.
 */
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { startProcess } from "./exec.js";

/** Debian has it in qemu-system-common. */
const program = "qemu-storage-daemon";

interface Message {
  readonly return?: unknown;
  readonly error?: { readonly desc: string };
  readonly event?: string;
  readonly data?: { readonly error?: string };
}

export class StorageDaemon implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #lines: AsyncIterator<string>;
  /** The exit code, or why it was not started. */
  readonly #ended: Promise<unknown>;
  #said = "";

  private constructor(args: readonly string[], signal: AbortSignal | undefined) {
    const child = startProcess(program, [...args, "--chardev", "stdio,id=qmp", "--monitor", "chardev=qmp"], {
      stdio: ["pipe", "pipe", "pipe"],
    });
    const { stdin, stdout, stderr } = child;
    if (stdin === null || stdout === null || stderr === null) throw new Error(`${program} was started without pipes`);
    const stop = () => child.kill("SIGKILL");
    signal?.addEventListener("abort", stop);
    this.#ended = once(child, "close").then(
      ([exitCode]: unknown[]) => exitCode,
      (error: unknown) => error,
    );
    void this.#ended.then(() => signal?.removeEventListener("abort", stop));
    stdin.on("error", () => undefined); // it has ended, and whoever waits for an answer is told
    stderr.on("data", (text: Buffer) => (this.#said = (this.#said + text.toString()).slice(-2000)));
    this.#child = child;
    this.#lines = createInterface(stdout)[Symbol.asyncIterator]();
  }

  /** Everything that the arguments name is open when this resolves. An abort kills it. Throws with what the program said. */
  static async start(args: readonly string[], signal?: AbortSignal): Promise<StorageDaemon> {
    signal?.throwIfAborted();
    const daemon = new StorageDaemon(args, signal);
    try {
      await daemon.#next((message) => "QMP" in message);
      daemon.#send({ execute: "qmp_capabilities" });
      await daemon.#next((message) => message.return !== undefined);
      return daemon;
    } catch (error) {
      daemon.#child.kill("SIGKILL");
      await daemon.#ended;
      throw error;
    }
  }

  /** Starts a job of the block layer and waits until it is done. Throws with the reason for which it failed. */
  async runJob(command: string, args: object): Promise<void> {
    this.#send({ execute: command, arguments: { "job-id": "job", ...args } });
    const { data } = await this.#next(({ event }) => event === "BLOCK_JOB_COMPLETED");
    if (data?.error !== undefined) throw new Error(data.error);
  }

  /** Closes and writes back all that is open. Throws when it had ended before, or can't write all of it. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#send({ execute: "quit" });
    const exitCode = await this.#ended;
    if (exitCode !== 0 || this.#said !== "") throw await this.#failure();
  }

  #send(message: object): void {
    this.#child.stdin?.write(`${JSON.stringify(message)}\n`);
  }

  async #next(isMeant: (message: Message) => boolean): Promise<Message> {
    for (;;) {
      const line = await this.#lines.next();
      if (line.done === true) throw await this.#failure();
      const message = JSON.parse(line.value) as Message;
      if (message.error !== undefined) throw new Error(message.error.desc);
      if (isMeant(message)) return message;
    }
  }

  async #failure(): Promise<Error> {
    const ended = await this.#ended;
    if (ended instanceof Error) return ended;
    return new Error(
      `${program}: ${this.#said.trim() || (ended === null ? "was killed" : `ended with ${String(ended)}`)}`,
    );
  }
}
