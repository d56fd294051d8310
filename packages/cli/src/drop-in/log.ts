/** The log as disk-image-create writes it: on standard output, in a file, or both; each line with its time. */
import { closeSync, fchownSync, openSync, writeSync } from "node:fs";
import { resolve } from "node:path";
import { BuildError, outOfSpace, reasonOf, type BuildConfig } from "@dibjs/core";
import { sanitiseLine } from "../progress/sanitise.js";
import type { Terminal } from "../terminal.js";

export interface LogRequest {
  /** `--logfile`. */
  readonly file: string | undefined;
  readonly cwd: string;
  /** DIB_QUIET and DIB_NO_TIMESTAMP are read from it. */
  readonly env: Readonly<Record<string, string | undefined>>;
}

export interface DropInLog extends Disposable {
  say(line: string): void;
  /** For what is told on standard error as well. */
  record(line: string): void;
  /** A file that was made is the caller's. */
  giveTo(caller: BuildConfig["caller"]): void;
}

/**
 * A log file takes the place of standard output unless DIB_QUIET says otherwise. Lines are written at once: the last ones
 * of a failed build count most. Throws OUTPUT_UNWRITABLE; when writing, SPACE_EXHAUSTED as well.
 */
export function openDropInLog({ file, cwd, env }: LogRequest, { out }: Terminal): DropInLog {
  const path = file === undefined ? undefined : resolve(cwd, file);
  const opened = path === undefined ? undefined : openLogFile(path);
  if (file !== undefined) out.write(`Output logs going to: ${file}\n`);
  const isQuiet = isOne(env.DIB_QUIET || (file === undefined ? "0" : "1"));
  const hasTime = !isOne(env.DIB_NO_TIMESTAMP);

  const record = (line: string): void => {
    if (opened === undefined || path === undefined) return;
    guardWrite(path, () => writeSync(opened.descriptor, `${timed(line)}\n`));
  };
  return {
    say(line) {
      record(line);
      if (isQuiet) return;
      const shown = out.isTTY ? sanitiseLine(line) : line;
      out.write(`${hasTime ? timed(shown) : shown}\n`);
    },
    record,
    giveTo({ uid, gid }) {
      if (opened?.isNew === true && process.getuid?.() === 0) fchownSync(opened.descriptor, uid, gid);
    },
    [Symbol.dispose]() {
      if (opened !== undefined) closeSync(opened.descriptor);
    },
  };
}

/** As `-eq 1` of a shell: text that is no number is 0. */
const isOne = (text = ""): boolean => /^\s*\+?0*1\s*$/.test(text);

const timed = (line: string): string => `${new Date().toISOString().replace("T", " ").replace("Z", "")} | ${line}`;

function openLogFile(path: string): { descriptor: number; isNew: boolean } {
  try {
    return { descriptor: openSync(path, "ax"), isNew: true };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw unwritable(path, error);
  }
  return guardWrite(path, () => ({ descriptor: openSync(path, "a"), isNew: false }));
}

function guardWrite<T>(path: string, write: () => T): T {
  try {
    return write();
  } catch (error) {
    const failure = outOfSpace(error, { path, doing: "writing the log" });
    throw failure === error ? unwritable(path, error) : failure;
  }
}

const unwritable = (path: string, cause: unknown) =>
  new BuildError("OUTPUT_UNWRITABLE", { path, setting: "--logfile", reason: reasonOf(cause) }, { cause });
