/** A failure as a person reads it, and as a number. */
import { constants } from "node:os";
import { isBuildError, type FailureKind } from "@dibjs/core";
import { sanitise } from "./progress/sanitise.js";
import type { Colours } from "./terminal.js";

export const exitCodes: Readonly<Record<FailureKind, number>> = {
  element: 1,
  request: 2,
  host: 3,
  fetch: 4,
  space: 5,
  policy: 6,
  cleanup: 7,
};
const bug = 70;
export const issues = "https://github.com/dibjs/dibjs/issues";

export const exitCodeOfSignal = (signal: string): number => 128 + (constants.signals[signal as NodeJS.Signals] ?? 0);

export function exitCodeOf(error: unknown): number {
  const { cause, releases } = rootOf(error);
  if (!isBuildError(cause)) return bug;
  if (cause.code === "BUILD_INTERRUPTED" && cause.kind !== "cleanup" && releases.length === 0) {
    return exitCodeOfSignal((cause.context as { signal: string }).signal);
  }
  return releases.length > 0 ? exitCodes.cleanup : exitCodes[cause.kind];
}

export interface Finding {
  readonly code: string;
  readonly message: string;
  readonly hint?: string | undefined;
}

/** One for each thing that is wrong; what could not be released after a failure comes last. */
export function findingsOf(error: unknown): readonly Finding[] {
  const { cause, releases } = rootOf(error);
  return [...findings(cause), ...releases.flatMap(findings)];
}

function findings(error: unknown): readonly Finding[] {
  if (!isBuildError(error))
    return [{ code: "INTERNAL", message: error instanceof Error ? error.message : String(error) }];
  if (error.code === "SEVERAL_FINDINGS") return (error.context as { findings: readonly Finding[] }).findings;
  return [{ code: error.code, message: error.message, hint: error.hint }];
}

/** A failure and then a failed release come as a SuppressedError, whose `suppressed` is what went wrong first. */
function rootOf(error: unknown): { cause: unknown; releases: unknown[] } {
  const releases: unknown[] = [];
  let cause = error;
  while (cause instanceof Error && "suppressed" in cause && "error" in cause) {
    releases.push(cause.error);
    cause = cause.suppressed;
  }
  return { cause, releases };
}

export interface FailureRequest {
  readonly colours: Colours;
  /** Stacks and causes of failures that are not ours, too. */
  readonly debug: boolean;
  readonly logFile?: string | undefined;
}

export function formatFailure(error: unknown, { colours, debug, logFile }: FailureRequest): string {
  const { red, bold, dim } = colours;
  const all = findingsOf(error);
  const { cause } = rootOf(error);
  const isBug = !isBuildError(cause);
  const indented = (label: string, text: string) =>
    `  ${bold(label)} ${sanitise(text).replaceAll("\n", `\n  ${" ".repeat(label.length)} `)}`;
  const listed = all.flatMap(({ code, message, hint }) => [
    `${red(`✖ ${code}`)} ${sanitise(message)}`,
    ...(hint === undefined ? [] : [indented("hint:", hint)]),
  ]);
  const codes = [...new Set(all.map(({ code }) => code))].filter((code) => code !== "INTERNAL");
  return [
    ...listed,
    ...(logFile === undefined ? [] : [indented("log: ", logFile)]),
    ...(codes.length > 0 ? [indented("more:", codes.map((code) => `dib explain ${code}`).join("\n"))] : []),
    ...(isBug || debug ? causesOf(cause).map((text) => dim(sanitise(text))) : []),
    ...(isBug ? [`This is a bug in dib: please report it with the lines above at ${issues}`] : []),
    "",
  ].join("\n");
}

function causesOf(error: unknown): readonly string[] {
  const texts: string[] = [];
  for (let at = error; at instanceof Error && texts.length < 10; at = at.cause)
    texts.push(`${texts.length > 0 ? "caused by: " : ""}${at.stack ?? at.message}`);
  return texts;
}

const logFiles = new WeakMap<object, string>();

/** Notes beside an error where the build's log is; gives the error back. */
export function rememberLogFile(error: unknown, file: string): unknown {
  if (typeof error === "object" && error !== null) logFiles.set(error, file);
  return error;
}

export const logFileOf = (error: unknown): string | undefined =>
  typeof error === "object" && error !== null ? logFiles.get(error) : undefined;
