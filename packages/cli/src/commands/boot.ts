import { BuildError, createExec } from "@dibjs/core";
import { chooseAccelerators, distrustKvm, type Accelerator } from "../boot/accelerator.js";
import { assembleMachine, numberFrom, qemuCommand, type Machine } from "../boot/machine.js";
import { startQemu, type Qemu } from "../boot/qemu.js";
import { Conversation } from "../boot/serial.js";
import type { Given } from "../options.js";
import type { BootStep } from "../program.js";
import { sanitise } from "../progress/sanitise.js";
import { formatSeconds } from "../progress/units.js";
import { exitCodeOfSignal } from "../failure.js";
import { listenForInterrupts } from "../signals.js";
import type { Terminal } from "../terminal.js";

const defaultTimeoutSeconds = 120;

/** A guest that runs shows its kernel by then; one that KVM lets hang never does. */
const silenceSeconds = 20;

/** Boots an image on a throw-away overlay. With --expect: 0 when the texts came, else BOOT_TEXT_MISSING. */
export async function boot(terminal: Terminal, given: Given, [image = ""]: readonly string[]): Promise<number> {
  const steps = (given.expect ?? given.send ?? []) as readonly BootStep[];
  const timeout =
    given.timeout === undefined
      ? steps.length > 0
        ? defaultTimeoutSeconds
        : undefined
      : numberFrom("--timeout", given.timeout);
  const exec = createExec();
  const machine = await assembleMachine(image, given, exec);
  const accelerators = await chooseAccelerators(given.accel as Accelerator | "auto", machine.arch);
  const isAttended = steps.length === 0 && timeout === undefined && terminal.isInteractive && given.json !== true;
  const watched = { machine, steps, timeout, isJson: given.json === true };
  for (const [index, accelerator] of accelerators.entries()) {
    const canFallBack = index < accelerators.length - 1;
    const outcome = isAttended
      ? await attend(machine, accelerator, canFallBack, terminal)
      : await watch(watched, accelerator, canFallBack, terminal);
    if (outcome !== "lifeless") {
      if (index > 0 && outcome === 0) await distrustKvm();
      return outcome;
    }
    terminal.err.write("KVM is here but does not start this image: once more, emulated\n");
  }
  throw new Error("the last accelerator has nothing to fall back on");
}

/** `lifeless`: the accelerator started nothing, and there is another one. */
type Booted = number | "lifeless";

const tellStart = ({ image, firmware }: Machine, accelerator: Accelerator, { err }: Terminal): void =>
  void err.write(
    `booting ${image.path} (${firmware === "none" ? "with its initramfs" : firmware}, ${accelerator === "kvm" ? "KVM" : "emulated"})\n`,
  );

/** The terminal is the machine's console: every key goes there, Ctrl-C too. */
async function attend(
  machine: Machine,
  accelerator: Accelerator,
  canFallBack: boolean,
  terminal: Terminal,
): Promise<Booted> {
  tellStart(machine, accelerator, terminal);
  terminal.err.write("Ctrl-A X ends the machine.\n");
  const command = qemuCommand(machine, accelerator);
  const how = await startQemu([...command, "-serial", "mon:stdio"], ["inherit", "inherit", "inherit"]).ended;
  if (how === "exit code 0") return 0;
  return canFallBack ? "lifeless" : 1;
}

interface Watch {
  readonly machine: Machine;
  readonly steps: readonly BootStep[];
  /** Seconds. */
  readonly timeout: number | undefined;
  readonly isJson: boolean;
}

/** Shows the serial line, and carries the conversation through when there is one. The time starts anew after a fall-back. */
async function watch(
  { machine, steps, timeout, isJson }: Watch,
  accelerator: Accelerator,
  canFallBack: boolean,
  terminal: Terminal,
): Promise<Booted> {
  tellStart(machine, accelerator, terminal);
  using interrupts = listenForInterrupts(() => {});
  terminal.onClosed = () => interrupts.abort("SIGPIPE");
  const started = performance.now();
  const command = qemuCommand(machine, accelerator);
  const qemu = startQemu([...command, "-monitor", "none", "-serial", "stdio"], ["pipe", "pipe", "pipe"]);
  qemu.child.stdin?.on("error", () => {}); // the machine is gone: its end says more
  const conversation = new Conversation(steps, qemu.child.stdin);
  let complaint = "";
  qemu.child.stderr?.on("data", (chunk: Buffer) => (complaint = (complaint + chunk.toString()).slice(-4000)));
  try {
    const outcome = await carry(qemu, conversation, {
      hasSteps: steps.length > 0,
      timeout,
      isImpatient: canFallBack,
      signal: interrupts.signal,
      show: isJson ? terminal.err : terminal.out,
    });
    const seconds = (performance.now() - started) / 1000;
    if (canFallBack && !conversation.showsLife && isLifeless(outcome)) return "lifeless";
    if (outcome === "interrupted") return exitCodeOfSignal(String(interrupts.signal.reason));
    if (outcome === "over") {
      terminal.err.write(steps.length > 0 ? `\nall that was expected came within ${formatSeconds(seconds)}\n` : "");
      if (isJson)
        terminal.out.write(
          (await import("../envelope.js")).formatData("boot", {
            accelerator,
            firmware: machine.firmware,
            seconds,
          }),
        );
      return 0;
    }
    if (outcome === "timeout" || outcome === "silent")
      throw new BuildError("BOOT_TEXT_MISSING", {
        text: conversation.expected,
        seconds: timeout ?? 0,
        tail: conversation.tail,
      });
    throw new BuildError("BOOT_FAILED", {
      image: machine.image.path,
      how: outcome.ended,
      tail: complaint.trim() || conversation.tail,
    });
  } finally {
    await qemu.kill();
  }
}

type Outcome = "over" | "timeout" | "silent" | "interrupted" | { readonly ended: string };

const isLifeless = (outcome: Outcome): boolean =>
  outcome === "silent" || outcome === "timeout" || (typeof outcome === "object" && outcome.ended !== "exit code 0");

interface Carry {
  readonly hasSteps: boolean;
  readonly timeout: number | undefined;
  /** Gives up early on a machine that shows no life. */
  readonly isImpatient: boolean;
  readonly signal: AbortSignal;
  readonly show: Terminal["out"];
}

/** Resolves when the conversation is over, the time is up, the user has had enough, or the machine has ended. */
async function carry(
  qemu: Qemu,
  conversation: Conversation,
  { hasSteps, timeout, isImpatient, signal, show }: Carry,
): Promise<Outcome> {
  const timers: NodeJS.Timeout[] = [];
  const lines = openLines(show);
  const outcome = await new Promise<Outcome>((settle) => {
    signal.addEventListener("abort", () => settle("interrupted"), { once: true });
    const after = (seconds: number, act: () => void) => timers.push(setTimeout(act, seconds * 1000));
    if (timeout !== undefined) after(timeout, () => settle(hasSteps ? "timeout" : "over"));
    if (isImpatient) after(silenceSeconds, () => conversation.showsLife || settle("silent"));
    const decoder = new TextDecoder();
    qemu.child.stdout?.on("data", (chunk: Buffer) => {
      const text = decoder.decode(chunk, { stream: true });
      lines.take(text);
      conversation.hear(text);
      if (hasSteps && conversation.isOver) settle("over");
    });
    void qemu.ended.then((ended) => settle(!hasSteps && ended === "exit code 0" ? "over" : { ended }));
  });
  for (const timer of timers) clearTimeout(timer);
  lines.end();
  return outcome;
}

/** Writes whole lines without the guest's escape sequences; the last one when it ends. */
function openLines(show: Terminal["out"]): { take(text: string): void; end(): void } {
  let begun = "";
  return {
    take(text) {
      const lines = (begun + text).replaceAll("\r\n", "\n").split("\n");
      begun = lines.pop() ?? "";
      if (lines.length > 0) show.write(`${sanitise(lines.join("\n"))}\n`);
    },
    end() {
      if (begun !== "") show.write(`${sanitise(begun)}\n`);
    },
  };
}
