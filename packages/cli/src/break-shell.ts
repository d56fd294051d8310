/** The shell of a break point: on the user's terminal, inside the worker's namespaces. */
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { BuildError, startProcess, type BuildConfig, type ShellRequest } from "@dibjs/core";
import type { Renderer } from "./progress/renderer.js";
import type { Terminal } from "./terminal.js";

// With `set -m` bash gives the shell a process group of its own in the foreground, so that Ctrl-C goes there and not to
// the build, and takes the terminal back afterwards. The shell itself can't: our group has no number in its namespace.
const onTerminal = `
modes=$(stty -g)
set -m
"$@"
set +m
stty "$modes"
exit 0
`;

/** A break point stops for somebody: without a terminal it would wait for ever. Throws USAGE_INVALID. */
export function checkBreaks(images: readonly BuildConfig[], { isInteractive }: Terminal): void {
  const stopping = images.find((image) => image.breaks.length > 0 || image.shellOnError);
  if (stopping === undefined || isInteractive || images.every(hasBreakCommand)) return;
  const what = stopping.breaks.length > 0 ? `Break points (${stopping.breaks.join(", ")})` : "--shell-on-error";
  throw new BuildError("USAGE_INVALID", {
    reason: `${what} open a shell, and this is not a terminal.`,
    hint: "Set break_cmd to a command that is run instead.",
  });
}

const hasBreakCommand = ({ runEnvironment }: BuildConfig): boolean => (runEnvironment.break_cmd ?? "") !== "";

/** A break point's shell beside what shows the build. */
export const openBreakShell =
  (renderer: Renderer, terminal: Terminal, signal: AbortSignal) =>
  async (request: ShellRequest): Promise<void> => {
    renderer.suspend();
    await runBreakShell(request, terminal, signal);
    renderer.resume();
  };

/** Runs the shell to its end. An abort hangs it up. Without a terminal it reads what standard input holds. */
async function runBreakShell(
  { name, place, command, env }: ShellRequest,
  { err, isInteractive }: Terminal,
  signal: AbortSignal,
): Promise<void> {
  const hasCommand = (env.break_cmd ?? "") !== "";
  if (hasCommand || !isInteractive) {
    const child = startProcess(command[0], command.slice(1), { stdio: [hasCommand ? "ignore" : 0, 2, 2], env });
    const stop = () => void child.kill("SIGKILL");
    signal.addEventListener("abort", stop, { once: true });
    await once(child, "close").finally(() => signal.removeEventListener("abort", stop));
    return;
  }
  const where = place === "chroot" ? "in the chroot" : "on the host";
  err.write(`\nBreak point ${name}: a shell ${where}. The build goes on when it exits.\n`);
  const child = startProcess("bash", ["--norc", "-c", onTerminal, "dib-shell", ...command], {
    stdio: [0, 2, 2],
    env: { ...env, TERM: process.env.TERM ?? "dumb" },
  });
  const hangUp = () => void hangUpForeground(() => child.kill("SIGKILL"));
  signal.addEventListener("abort", hangUp, { once: true });
  await once(child, "close").finally(() => signal.removeEventListener("abort", hangUp));
}

const hangUpMs = 2000;

/** Tells whatever has the terminal to go; `otherwise` is for what does not. */
async function hangUpForeground(otherwise: () => void): Promise<void> {
  setTimeout(otherwise, hangUpMs).unref();
  // proc(5): after the name in parentheses come state, ppid, pgrp, session, tty_nr, tpgid.
  const stat = await readFile("/proc/self/stat", "utf8");
  const [, , group, , , foreground] = stat
    .slice(stat.lastIndexOf(")") + 2)
    .split(" ")
    .map(Number);
  if (foreground !== undefined && foreground > 1 && foreground !== group) process.kill(-foreground, "SIGHUP");
}
