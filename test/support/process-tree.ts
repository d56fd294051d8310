/** The processes below one of ours, from /proc. */
import { readdirSync, readFileSync } from "node:fs";

export interface Running {
  readonly pid: number;
  /** Program and arguments, separated by spaces. */
  readonly command: string;
}

const read = (path: string): string => {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return ""; // it ended meanwhile
  }
};

/** Parents first. */
export function descendants(of: number): readonly Running[] {
  return childrenOf(of).flatMap((pid) => [{ pid, command: commandOf(pid) }, ...descendants(pid)]);
}

export const commandOf = (pid: number): string => read(`/proc/${pid}/cmdline`).replaceAll("\0", " ");

/** A process that has ended and that nobody has asked about yet counts as gone. */
export const isRunning = (pid: number): boolean => /^State:\t[^ZX]/m.test(read(`/proc/${pid}/status`));

/** Each thread has children of its own. */
const childrenOf = (pid: number): number[] =>
  namesIn(`/proc/${pid}/task`).flatMap((thread) =>
    read(`/proc/${pid}/task/${thread}/children`).split(" ").filter(Boolean).map(Number),
  );

const namesIn = (folder: string): string[] => {
  try {
    return readdirSync(folder);
  } catch {
    return []; // as above
  }
};

/** Waits for a process below `of` whose command matches, and stops it in its tracks: what comes next meets it at work. */
export async function freeze(of: number, command: RegExp): Promise<Running | undefined> {
  while (isRunning(of)) {
    const found = descendants(of).find((running) => command.test(running.command));
    if (found !== undefined && stop(found)) return found;
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  return undefined;
}

function stop({ pid }: Running): boolean {
  try {
    return process.kill(pid, "SIGSTOP");
  } catch {
    return false; // it ended meanwhile
  }
}
