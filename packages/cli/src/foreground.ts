/** A program that runs in this one's place: with its standard streams, and with the signals that are meant for it. */
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { startProcess } from "@dibjs/core";
import { exitCodeOfSignal } from "./failure.js";

const handedOn = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

export interface Foreground extends Disposable {
  /** The first signal that came: nothing more should start. */
  readonly interruptedBy: NodeJS.Signals | undefined;
  /** Runs a program to its end and gives its exit code. */
  run(file: string, args: readonly string[], env: Readonly<Record<string, string>>): Promise<number>;
}

export function openForeground(): Foreground {
  let child: ChildProcess | undefined;
  let interruptedBy: NodeJS.Signals | undefined;
  const onSignal = (name: NodeJS.Signals): void => {
    interruptedBy ??= name;
    if (name !== "SIGINT" || !isInForeground()) child?.kill(name);
  };
  for (const name of handedOn) process.on(name, onSignal);
  return {
    get interruptedBy() {
      return interruptedBy;
    },
    async run(file, args, env) {
      child = startProcess(file, args, { stdio: "inherit", env, cwd: process.cwd() });
      const [exitCode, signal] = (await once(child, "close")) as [number | null, string | null];
      child = undefined;
      return exitCode ?? exitCodeOfSignal(signal ?? "");
    },
    [Symbol.dispose]() {
      for (const name of handedOn) process.off(name, onSignal);
    },
  };
}

/** A terminal's Ctrl-C goes to all processes of its foreground group: who hands it on sends a second one. */
function isInForeground(): boolean {
  const [, , group, , , foregroundGroup] = readFileSync("/proc/self/stat", "latin1")
    .replace(/^.*\) /, "")
    .split(" ");
  return group === foregroundGroup;
}
