import { BuildError, catalogue, isBuildError, reasonOf, type ErrorCode } from "../errors.js";
import { outOfSpace } from "../out-of-space.js";
import type { WrittenError } from "./protocol.js";

/** An error as it goes through the channel: code and context are the contract, the rest is for people. */
export function writeError(error: unknown): WrittenError {
  const { cause: first, left } = separate(error);
  const cause = outOfSpace(first, { path: "the work folders", doing: "building" });
  const code = isBuildError(cause) ? cause.code : undefined;
  return {
    code,
    context: isBuildError(cause) ? cause.context : undefined,
    kind: isBuildError(cause) ? cause.kind : undefined,
    message: reasonOf(cause),
    stack: cause instanceof Error ? cause.stack : undefined,
    causes: causesOf(cause),
    left,
  };
}

/** The error again, on the other side. Its message also says what could not be released. */
export function readError(written: WrittenError, mask: (text: string) => string = (text) => text): Error {
  const { code, context, kind, message, stack, causes, left } = maskError(written, mask);
  const cause = causes.length > 0 ? new Error(causes.join("\n")) : undefined;
  if (code === undefined || !(code in catalogue)) {
    const error = new Error([message, ...left].join("\n"), { cause });
    if (stack !== undefined) error.stack = stack;
    return error;
  }
  const options = {
    ...(cause === undefined ? {} : { cause }),
    ...(kind === undefined ? {} : { kind }),
    left,
  };
  return new BuildError(code as ErrorCode, context as never, options);
}

/** What programs said may hold a secret. Names and paths stay: a weak password may be one of them. */
function maskError(written: WrittenError, mask: (text: string) => string): WrittenError {
  const { context, stack } = written;
  const masked = (key: string, value: unknown) =>
    saidByPrograms.has(key) && typeof value === "string" ? mask(value) : value;
  return {
    ...written,
    context:
      typeof context === "object" && context !== null
        ? Object.fromEntries(Object.entries(context).map(([key, value]) => [key, masked(key, value)]))
        : context,
    message: mask(written.message),
    stack: stack === undefined ? undefined : mask(stack),
    causes: written.causes.map(mask),
  };
}

const saidByPrograms: ReadonlySet<string> = new Set(["tail", "reason", "how"]);

/**
 * When a build and then a release fail, TypeScript's `await using` throws a SuppressedError whose `suppressed` is the
 * root cause and whose `error` is the failed release.
 */
function separate(error: unknown): { cause: unknown; left: string[] } {
  const left: string[] = [];
  let cause = error;
  while (cause instanceof Error && "suppressed" in cause && "error" in cause) {
    left.push(reasonOf(cause.error));
    cause = cause.suppressed;
  }
  return { cause, left };
}

function causesOf(error: unknown): string[] {
  const causes: string[] = [];
  let cause = error instanceof Error ? error.cause : undefined;
  while (cause !== undefined && causes.length < 10) {
    causes.push(isBuildError(cause) ? `${cause.code}: ${cause.message}` : reasonOf(cause));
    cause = cause instanceof Error ? cause.cause : undefined;
  }
  return causes;
}
