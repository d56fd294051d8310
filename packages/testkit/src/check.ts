/** What can be asserted of a run, once for all test runners: each check says what is wrong, or nothing. */
import type { Env, PhaseName } from "@dibjs/core";
import type { ElementRun } from "./run.js";
import type { EntryKind, TreeDiff, TreeEntry } from "./snapshot.js";

/** What an entry must be; what is left out may be anything. */
export interface ExpectedEntry {
  readonly kind?: EntryKind;
  readonly mode?: number;
  /** UID:GID */
  readonly owner?: string;
  /** Text of a file, target of a link. */
  readonly content?: string | RegExp;
  readonly digest?: string;
}

/** Undefined: it must not be set. */
export type ExpectedEnvironment = Readonly<Record<string, string | RegExp | undefined>>;

export function checkAdded({ tree }: ElementRun, path: string, expected: ExpectedEntry = {}): string | undefined {
  const entry = tree.added[path];
  if (entry !== undefined) return checkEntry(path, entry, expected);
  return notIn("added", path, tree, path in tree.changed ? "it was there before, and was changed" : undefined);
}

export function checkChanged({ tree }: ElementRun, path: string, expected: ExpectedEntry = {}): string | undefined {
  const entry = tree.changed[path];
  if (entry !== undefined) return checkEntry(path, entry.after, expected);
  return notIn("changed", path, tree, path in tree.added ? "it was not there before, and was added" : undefined);
}

export function checkDeleted({ tree }: ElementRun, path: string): string | undefined {
  return path in tree.deleted ? undefined : notIn("deleted", path, tree);
}

function notIn(part: keyof TreeDiff, path: string, tree: TreeDiff, instead?: string): string {
  const deleted = path in tree.deleted ? "it was deleted" : undefined;
  return `${path} was not ${part}: ${instead ?? deleted ?? `${part} were ${listOf(Object.keys(tree[part]))}`}`;
}

/** `PHASE.d/NAME` or a bare name, in the order they must have run; others may have run between them. */
export function checkRun({ scripts }: ElementRun, expected: readonly string[]): string | undefined {
  const ran = scripts.map(({ phase, name }) => `${phase}.d/${name}`);
  let from = 0;
  for (const script of expected) {
    const isIt = (each: string) => each === script || each.endsWith(`.d/${script}`);
    const at = ran.findIndex((each, index) => index >= from && isIt(each));
    if (at === -1) {
      const when = ran.some(isIt) ? `ran before ${expected[expected.indexOf(script) - 1]}` : "did not run";
      return `${script} ${when}: ran were ${listOf(ran, ran.length)}`;
    }
    from = at + 1;
  }
  return undefined;
}

export function checkEnvironment(
  { environment }: ElementRun,
  phase: PhaseName,
  expected: ExpectedEnvironment,
): string | undefined {
  const env: Env | undefined = environment[phase];
  if (env === undefined)
    return `the phase ${phase} was not run: there are environments of ${listOf(Object.keys(environment))}`;
  const wrong = Object.entries(expected).filter(([name, value]) => !fits(env[name], value));
  if (wrong.length === 0) return undefined;
  return wrong
    .map(([name, value]) => `${name} in ${phase} is ${shown(env[name])}, expected ${shown(value)}`)
    .join("\n");
}

const keys = ["kind", "mode", "owner", "digest", "content"] as const;

function checkEntry(path: string, entry: TreeEntry, expected: ExpectedEntry): string | undefined {
  const wrong = keys.filter((key) => expected[key] !== undefined && !fits(entry[key], expected[key]));
  if (wrong.length === 0) return undefined;
  const lines = wrong.map((key) => {
    const none = key === "content" && entry.kind === "file" ? "no text, or more than 64 KiB of it" : undefined;
    return `${path} has ${key} ${(entry[key] === undefined ? none : undefined) ?? shown(entry[key], key)}, expected ${shown(expected[key], key)}`;
  });
  return lines.join("\n");
}

const fits = (value: unknown, expected: unknown): boolean =>
  expected instanceof RegExp ? typeof value === "string" && expected.test(value) : value === expected;

function shown(value: unknown, key?: string): string {
  if (value === undefined) return "not set";
  if (key === "mode" && typeof value === "number") return `0o${value.toString(8)}`;
  return value instanceof RegExp ? `to match ${String(value)}` : JSON.stringify(value);
}

function listOf(items: readonly string[], most = 20): string {
  if (items.length === 0) return "none";
  const more = items.length - most;
  return [...items.slice(0, most), ...(more > 0 ? [`and ${more} more`] : [])].join(", ");
}
