import { spawn, type ChildProcess } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { dibEnvironment, resultOf, type DibPlace, type DibResult } from "./dib.js";

const bin = fileURLToPath(new URL("../../packages/cli/bin", import.meta.url));

/** Starts a drop-in command as a user would, without a terminal. */
export const startDropIn = (command: string, args: readonly string[], place: DibPlace): ChildProcess =>
  spawn(process.execPath, [join(bin, `${command}.js`), ...args], {
    cwd: place.cwd,
    env: dibEnvironment(place),
    stdio: ["ignore", "pipe", "pipe"],
  });

/** Runs it to its end. */
export const runDropIn = (command: string, args: readonly string[], place: DibPlace): Promise<DibResult> =>
  resultOf(startDropIn(command, args, place));
