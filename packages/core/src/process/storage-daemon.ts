/**
 * QEMU's block layer as a process of its own: what it opens and exports is said in its arguments, and what it does then through
 * QMP, a line of JSON for each command, answer and event.
 */
import { once } from "node:events";
import { createInterface } from "node:readline";
import { startProcess } from "./exec.js";

/** Debian has it in qemu-system-common. */
export const storageDaemon = "qemu-storage-daemon";

interface Message {
  readonly return?: unknown;
  readonly error?: { readonly desc: string };
  readonly event?: string;
  readonly data?: { readonly error?: string };
}

export class StorageDaemon implements AsyncDisposable {
  readonly #send: (message: object) => void;
  readonly #next: (isMeant: (message: Message) => boolean) => Promise<Message>;
  readonly #ended: Promise<unknown>;

  private constructor(
    send: (message: object) => void,
    next: (isMeant: (message: Message) => boolean) => Promise<Message>,
    ended: Promise<unknown>,
  ) {
    this.#send = send;
    this.#next = next;
    this.#ended = ended;
  }

  /** Everything that the arguments name is open when this resolves. Throws with what the program said. */
  static async start(args: readonly string[]): Promise<StorageDaemon> {
    const child = startProcess(storageDaemon, [...args, "--chardev", "stdio,id=qmp", "--monitor", "chardev=qmp"], {
      stdio: ["pipe", "pipe", "pipe"],
    });
    const { stdin, stdout, stderr } = child;
    if (stdin === null || stdout === null || stderr === null)
      throw new Error(`${storageDaemon} was started without pipes`);
    const ended = once(child, "close").catch((error: unknown) => error);
    stdin.on("error", () => undefined); // it has ended, and whoever waits for an answer is told
    let said = "";
    stderr.on("data", (text: Buffer) => (said = (said + text.toString()).slice(-2000)));
    const lines = createInterface(stdout)[Symbol.asyncIterator]();
    const next = async (isMeant: (message: Message) => boolean) => {
      for (;;) {
        const line: IteratorResult<string, unknown> = await lines.next();
        if (line.done === true) {
          const failure = await ended;
          throw new Error(failure instanceof Error ? failure.message : said.trim() || `${storageDaemon} has ended`);
        }
        const message = JSON.parse(line.value) as Message;
        if (message.error !== undefined) throw new Error(message.error.desc);
        if (isMeant(message)) return message;
      }
    };
    const send = (message: object) => void stdin.write(`${JSON.stringify(message)}\n`);
    const daemon = new StorageDaemon(send, next, ended);
    await next((message) => "QMP" in message);
    await daemon.#command("qmp_capabilities");
    return daemon;
  }

  async #command(execute: string, args: object = {}): Promise<void> {
    this.#send({ execute, arguments: args });
    await this.#next((message) => message.return !== undefined);
  }

  /** Starts a job of the block layer and waits until it is done. Throws with the reason for which it failed. */
  async runJob(command: string, args: object): Promise<void> {
    this.#send({ execute: command, arguments: { "job-id": "job", ...args } });
    const { data } = await this.#next(({ event }) => event === "BLOCK_JOB_COMPLETED");
    if (data?.error !== undefined) throw new Error(data.error);
  }

  /** Closes and writes back all that is open, and ends. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#send({ execute: "quit" });
    await this.#ended;
  }
}
