import { canonicalJson, isBuildError } from "@dibjs/core";
import { findingsOf } from "./failure.js";
import { version } from "./version.js";

/** What every command prints with `--json`. No time and no path of its own in it: the same data are the same bytes. */
export interface Envelope {
  /** Only of `dib build`, whose envelope is the last of many lines. */
  readonly type?: "result";
  readonly schemaVersion: 1;
  readonly status: "ok" | "failed";
  /** What the command found; null when it failed. */
  readonly data: unknown;
  readonly errors: readonly {
    readonly code: string;
    readonly kind: string;
    readonly message: string;
    readonly hint?: string | undefined;
    readonly context?: unknown;
  }[];
  readonly warnings: readonly string[];
  readonly meta: { readonly command: string; readonly version: string };
}

export const formatData = (command: string, data: unknown, warnings: readonly string[] = []): string =>
  `${canonicalJson(envelope(command, { status: "ok", data, errors: [], warnings }))}\n`;

export const formatError = (command: string, error: unknown): string =>
  `${canonicalJson(envelope(command, { status: "failed", data: null, errors: errorsOf(error), warnings: [] }))}\n`;

const envelope = (command: string, rest: Omit<Envelope, "schemaVersion" | "meta">): Envelope => ({
  ...(command === "build" ? { type: "result" as const } : {}),
  schemaVersion: 1,
  ...rest,
  meta: { command, version },
});

export function errorsOf(error: unknown): Envelope["errors"] {
  const kind = isBuildError(error) ? error.kind : "bug";
  const context = isBuildError(error) && error.code !== "SEVERAL_FINDINGS" ? { context: error.context } : {};
  return findingsOf(error).map((finding) => ({ ...finding, kind, ...context }));
}
