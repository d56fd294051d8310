import type { Exec } from "../process/exec.js";
import type { LintSource, SourceElement, SourceFile } from "./source.js";

/** What a rule has to say; without a file it is about what was checked. */
export interface Found {
  readonly message: string;
  readonly hint?: string | undefined;
  /** Relative to the folder that is checked. */
  readonly file?: string | undefined;
  readonly line?: number | undefined;
}

/** Programs that rules ask. */
export interface LintTools {
  readonly exec: Exec;
  /** The whole environment of those programs; PATH and HOME will do. */
  readonly env: Readonly<Record<string, string>>;
  /** For rules that could not look: shown beside the findings. */
  readonly note: (text: string) => void;
}

interface Named {
  /** What `# dib-lint: disable=NAME` names. */
  readonly name: string;
  /** DIB's own rules that a package has others for are for folders only. @default both */
  readonly in?: "folder" | "package" | undefined;
}

export interface FileRule extends Named {
  readonly appliesTo: (file: SourceFile) => boolean;
  readonly check: (file: SourceFile) => readonly Found[];
}

export interface ElementRule extends Named {
  readonly check: (element: SourceElement, source: LintSource) => readonly Found[];
}

/** Asks about everything at once: a package, or what another program has to say. */
export interface SourceRule extends Named {
  readonly check: (source: LintSource, tools: LintTools) => Promise<readonly Found[]>;
}

/** A finding for each line that is wrong. */
export const onLines = (
  { lines }: SourceFile,
  isWrong: (line: string, index: number) => boolean,
  found: Omit<Found, "line">,
): Found[] => lines.flatMap((line, index) => (isWrong(line, index) ? [{ ...found, line: index + 1 }] : []));

export interface Command {
  readonly text: string;
  /** Where it begins. */
  readonly line: number;
}

/** As bash reads them: a backslash at its end joins a line with the next. Without the indentation. */
export function commandsOf({ lines }: SourceFile): readonly Command[] {
  const commands: { text: string; line: number }[] = [];
  let isJoined = false;
  for (const [index, line] of lines.entries()) {
    const before = commands.at(-1);
    if (isJoined && before !== undefined) before.text = before.text.slice(0, -1) + line;
    else commands.push({ text: line.trimStart(), line: index + 1 });
    isJoined = /(?<!\\)(\\\\)*\\$/.test(line); // an even number of them stands for themselves
  }
  return commands;
}

/** A finding for each command that is wrong. */
export const onCommands = (
  file: SourceFile,
  isWrong: (command: string) => boolean,
  found: Omit<Found, "line">,
): Found[] =>
  commandsOf(file)
    .filter(({ text }) => isWrong(text))
    .map(({ line }) => ({ ...found, line }));

export const unless = (fine: boolean, found: Found): Found[] => (fine ? [] : [found]);
