import { spawn, type ChildProcess, type StdioOptions } from "node:child_process";
import { join } from "node:path";
import { root } from "../house/source.js";
import { dibEnvironment, resultOf, type DibPlace, type DibResult } from "./dib.js";

export const dropInProgram = (name: string): string => join(root, "packages/cli/bin", `${name}.js`);

/** Starts a command of the name that DIB has for it, in a session of its own: no terminal's Ctrl-C reaches it. */
export const startDropIn = (name: string, args: readonly string[], place: DibPlace): ChildProcess =>
  spawn(process.execPath, [dropInProgram(name), ...args], {
    cwd: place.cwd,
    env: dibEnvironment(place),
    stdio: ["ignore", "pipe", "pipe"],
    detached: true,
  });

/** Runs it to its end. */
export const runDropIn = (name: string, args: readonly string[], place: DibPlace): Promise<DibResult> =>
  resultOf(startDropIn(name, args, place));

/** Runs it where `/` is not the root of the mount namespace, as in a chroot of a build farm: `root` is an empty folder for that. */
export const runDropInChroot = (
  name: string,
  args: readonly string[],
  place: DibPlace,
  root: string,
): Promise<DibResult> => {
  const enter = `mount --rbind / "$0" && exec chroot "$0" env --chdir="$PWD" "$@"`;
  const command = ["bash", "-c", enter, root, process.execPath, dropInProgram(name), ...args];
  const options = { cwd: place.cwd, env: dibEnvironment(place), stdio: ["ignore", "pipe", "pipe"] as StdioOptions };
  return resultOf(spawn("unshare", ["--mount", "--propagation", "slave", ...command], options));
};
