/** A conversation over the serial line: wait for a text, type another, in order. */
import type { Writable } from "node:stream";
import type { BootStep } from "../program.js";
import { sanitise } from "../progress/sanitise.js";

const keptChars = 256 * 1024;
const tailLines = 20;

/** A line of the kernel's log, or of what comes after it. */
const life = /^\[ *\d+\.\d{6}\] |Linux version|login:/m;

export class Conversation {
  readonly #steps: BootStep[];
  #isAnswered = false;
  readonly #keyboard: Writable | null;
  /** What came since the last text that was waited for. */
  #heard = "";
  #all = "";

  constructor(steps: readonly BootStep[], keyboard: Writable | null) {
    this.#steps = [...steps];
    this.#keyboard = keyboard;
    this.#advance();
  }

  get isOver(): boolean {
    return this.#steps.length === 0;
  }

  /** Whether a kernel has spoken, or anything that was waited for. Firmware alone is no sign of life. */
  get showsLife(): boolean {
    return this.#isAnswered || life.test(this.#all);
  }

  /** The text that is waited for. */
  get expected(): string {
    return this.#steps[0]?.text ?? "";
  }

  /** The last lines that came. */
  get tail(): string {
    return sanitise(this.#all.replaceAll("\r\n", "\n")).trimEnd().split("\n").slice(-tailLines).join("\n");
  }

  hear(text: string): void {
    this.#heard = (this.#heard + text).slice(-keptChars);
    this.#all = (this.#all + text).slice(-keptChars);
    this.#advance();
  }

  #advance(): void {
    for (let step = this.#steps[0]; step !== undefined; step = this.#steps[0]) {
      if (step.do === "send")
        this.#keyboard?.write(`${step.text}\r`); // Enter sends a carriage return
      else if (!this.#skipPast(step.text)) return;
      else this.#isAnswered = true;
      this.#steps.shift();
    }
  }

  /** A guest may colour its words or move the cursor among them: looked for with escape sequences, then without. */
  #skipPast(text: string): boolean {
    for (const heard of [this.#heard, sanitise(this.#heard.replaceAll("\r\n", "\n"))]) {
      const at = heard.indexOf(text);
      if (at === -1) continue;
      this.#heard = heard.slice(at + text.length);
      return true;
    }
    return false;
  }
}
