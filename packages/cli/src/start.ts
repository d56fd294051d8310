import { currentFolder } from "./current-folder.js";
import { findProjectCli } from "./hand-over.js";

const hungUp = 129; // 128 + SIGHUP

/**
 * Runs a command of this package by its entry (`main.js`), and ends with its exit code. A globally installed one hands
 * over to the project's own copy, so that there is one core.
 */
export async function startCommand(entry: string, run: (args: readonly string[]) => Promise<number>): Promise<void> {
  const folder = currentFolder();
  const project = folder === undefined ? undefined : await findProjectCli(folder, entry);
  if (project !== undefined) {
    await import(project);
    return;
  }
  process.exitCode = await run(process.argv.slice(2));
  // With the terminal gone Node aborts at its exit, when it resets it. Ended by the signal itself, nothing is reset.
  if (process.exitCode === hungUp) process.kill(process.pid, "SIGHUP");
  // A plugin may have left a timer or a socket open; nothing of ours is.
  setTimeout(() => process.exit(), 1000).unref();
}
