/** How a build and its image's entry in `dib.lock` meet. */
import { join } from "node:path";
import type { BuildConfig } from "../config/schema.js";
import type { BuildContext } from "../context.js";
import { BuildError, formatDifference, isBuildError } from "../errors.js";
import type { PreparedPlan } from "../plan/prepare.js";
import type { BuildReport } from "../report/report.js";
import { lockChosen, lockGathered } from "./assemble.js";
import { compareChosen, compareGathered, type Chosen, type LockDifference } from "./compare.js";
import { entryOf, readLock, writeEntry } from "./file.js";
import { readIntegrities } from "./integrity.js";
import type { LockEntry, RequiredLock } from "./lock.js";

/**
 * `keep`: a first build writes the entry, a later one says what differs. `require`: a build that differs fails.
 * `update`: the entry is written anew, and nothing is published.
 */
export type LockMode = "keep" | "require" | "update";

/** What the lock says of an image, held against its elements as they are installed now. */
export interface LockState {
  readonly image: string;
  /** Absolute path of `dib.lock`. */
  readonly file: string;
  readonly state: "same" | "differs" | "missing";
  readonly differences: readonly LockDifference[];
  readonly entry: LockEntry | undefined;
  /** What rewrites the entry. */
  readonly command: string;
}

interface Known extends LockState {
  readonly chosen: Chosen;
}

type Prepared = Pick<PreparedPlan, "config" | "plan" | "set">;

/** Throws LOCK_INVALID. */
export async function readLockState({ config, plan, set }: Prepared): Promise<Known> {
  const file = join(config.projectDir, "dib.lock");
  const entry = entryOf(await readLock(file), config.image);
  const chosen = lockChosen(plan, set, await readIntegrities(config.projectDir));
  const differences = entry === undefined ? [] : compareChosen(entry, chosen);
  const state = entry === undefined ? "missing" : differences.length > 0 ? "differs" : "same";
  return { image: config.image, file, state, differences, entry, command: updateCommand(config), chosen };
}

const updateCommand = ({ image, elements, origins }: Prepared["config"]): string => {
  const isNamed = (origins.image ?? "default") !== "default";
  const typed = elements.filter(({ origin }) => origin === "command line").map(({ name }) => name);
  return ["dib lock --update", ...(isNamed ? [image] : typed)].join(" ");
};

export interface BuildLock {
  /** For the worker, when the build must keep to it. */
  readonly required: RequiredLock | undefined;
  /** When the build is done: writes the entry, or says what differs from it. */
  settle(report: BuildReport): Promise<void>;
}

/** Throws LOCK_INVALID; LOCK_MISSING and LOCK_MISMATCH, with all elements that differ, when the lock is required. */
export async function openBuildLock(
  mode: LockMode | undefined,
  prepared: Prepared,
  ctx: Pick<BuildContext, "exec" | "emit">,
): Promise<BuildLock> {
  if (mode === undefined) return { required: undefined, settle: async () => {} };
  const known = await readLockState(prepared);
  if (mode === "require") return { required: requireLock(known), settle: async () => {} };
  const { entry, chosen, differences } = known;
  const settle = async (report: BuildReport) => {
    const now = { ...chosen, ...lockGathered(report) };
    if (mode === "update") await write(now, known, prepared.config, ctx);
    else if (entry !== undefined) tellDifferences([...differences, ...compareGathered(entry, now)], known, ctx);
    else if (prepared.config.isProject) await tryToWrite(now, known, prepared.config, ctx);
  };
  return { required: undefined, settle };
}

/** For several images: all are checked before the first is built. Throws as a build that requires its lock does. */
export async function checkLock(prepared: Prepared): Promise<void> {
  requireLock(await readLockState(prepared));
}

function requireLock({ entry, file, image, command, differences }: LockState): RequiredLock {
  if (entry === undefined) throw new BuildError("LOCK_MISSING", { file, image, command });
  const wayBack = commandBack(entry, differences);
  if (differences.length > 0) throw new BuildError("LOCK_MISMATCH", { file, image, command, differences, wayBack });
  return { file, image, entry, command };
}

/** What installs the locked versions of the packages whose elements differ; undefined when none came from a package. */
function commandBack({ elements }: LockEntry, differences: readonly LockDifference[]): string | undefined {
  const locked = differences.flatMap(({ part, name }) =>
    part === "element" && Object.hasOwn(elements, name) ? (elements[name] ?? []) : [],
  );
  const packages = new Set(
    locked.flatMap(({ package: name, version }) => (name === undefined ? [] : [`${name}@${version}`])),
  );
  return packages.size === 0 ? undefined : `dib add ${[...packages].join(" ")}`;
}

/** Before anything is published. Throws LOCK_MISMATCH with all that differs. */
export function checkGathered(
  required: RequiredLock | undefined,
  found: Pick<BuildReport, "sources" | "packages">,
): void {
  if (required === undefined) return;
  const { entry, ...place } = required;
  const differences = compareGathered(entry, lockGathered(found));
  if (differences.length > 0) throw new BuildError("LOCK_MISMATCH", { ...place, differences });
}

async function write(
  entry: LockEntry,
  { file, image }: LockState,
  { caller }: BuildConfig,
  { exec, emit }: Pick<BuildContext, "exec" | "emit">,
): Promise<void> {
  await writeEntry(entry, { file, image, owner: caller }, exec);
  emit({ type: "note", level: "info", text: `${file} says now what ${image} was built from` });
}

/** Nobody asked for a lock: that it can't be written is no reason to fail a build that is done. */
async function tryToWrite(...args: Parameters<typeof write>): Promise<void> {
  try {
    await write(...args);
  } catch (error) {
    if (!isBuildError(error) || error.code !== "LOCK_UNWRITABLE") throw error;
    args[3].emit({ type: "note", level: "warning", text: error.message });
  }
}

const shownDifferences = 20;

function tellDifferences(
  differences: readonly LockDifference[],
  { file, image, command }: LockState,
  { emit }: Pick<BuildContext, "emit">,
): void {
  if (differences.length === 0) return;
  const shown = differences.slice(0, shownDifferences).map((each) => `  ${formatDifference(each)}`);
  const more = differences.length - shown.length;
  const text = [
    `${image} was built from other things than ${file} says:`,
    ...shown,
    ...(more > 0 ? [`  and ${more} more`] : []),
    `${command} rewrites it, and --locked refuses such a build.`,
  ].join("\n");
  emit({ type: "note", level: "warning", text });
}
