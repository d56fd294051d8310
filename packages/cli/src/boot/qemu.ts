import type { ChildProcess, StdioOptions } from "node:child_process";
import { once } from "node:events";
import { debianArch, startProcess } from "@dibjs/core";

export interface Qemu {
  readonly child: ChildProcess;
  /** How it ended: `exit code 0`, `SIGKILL`. Never rejects. */
  readonly ended: Promise<string>;
  /** Resolves when it is gone. */
  kill(): Promise<void>;
}

const programs: Readonly<Record<string, string>> = {
  amd64: "qemu-system-x86_64",
  i386: "qemu-system-i386",
  arm64: "qemu-system-aarch64",
};

/** As Debian names it: `-a aarch64` is arm64. This machine's without a name. */
export const guestArch = (written: string = process.arch): string => debianArch(written);

/** `qemu-system-…` for an architecture by Debian's name. */
export const qemuProgram = (arch: string): string => programs[arch] ?? `qemu-system-${arch}`;

/** A path in a list of options: QEMU's own way to write a comma is two. */
export const escapePath = (path: string): string => path.replaceAll(",", ",,");

/** Starts a machine without a display. The kernel ends it when this process dies, however it dies. */
export function startQemu(
  [program, ...args]: readonly [string, ...string[]],
  stdio: StdioOptions = ["ignore", "pipe", "pipe"],
): Qemu {
  const child = startProcess(
    "setpriv",
    ["--pdeathsig", "KILL", program, "-display", "none", "-no-user-config", ...args],
    { stdio },
  );
  const ended = once(child, "close").then(
    ([exitCode, signal]: unknown[]) => (signal === null ? `exit code ${String(exitCode)}` : String(signal)),
    (error: Error) => error.message,
  );
  return {
    child,
    ended,
    async kill() {
      child.kill("SIGKILL");
      await ended;
    },
  };
}
