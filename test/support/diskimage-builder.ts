import type { ChildProcess } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { stringify } from "yaml";
import { root } from "../house/source.js";
import { resultOf, type DibResult } from "./dib.js";
import { startDropIn } from "./drop-in.js";

const standIn = join(root, "test/support/stand-in-commands.mjs");

/** What a command was started with, or a signal that it got. */
export interface Started {
  readonly name?: string;
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly signal?: string;
}

export interface BuilderRun {
  readonly cwd: string;
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** What each command that it starts exits with. @default all 0 */
  readonly exits?: readonly (number | "wait")[];
}

const logOf = (cwd: string): string => join(cwd, "started.log");

/** Writes image definitions, as text or as what the text stands for; gives their names. */
export function writeDefinitions(cwd: string, files: Readonly<Record<string, unknown>>): string[] {
  for (const [name, content] of Object.entries(files))
    writeFileSync(join(cwd, name), typeof content === "string" ? content : stringify(content));
  return Object.keys(files);
}

/** Starts diskimage-builder. The commands that it starts build nothing, but are written down. */
export const startBuilder = ({ cwd, args = [], env = {}, exits = [] }: BuilderRun): ChildProcess =>
  startDropIn("diskimage-builder", args, { cwd, env: { ...env, ...standInEnvironment(cwd, exits) } });

/** With it, disk-image-create and ramdisk-image-create are written down and not run. */
export const standInEnvironment = (cwd: string, exits: NonNullable<BuilderRun["exits"]>) => ({
  NODE_OPTIONS: `--import=${standIn}`,
  STAND_IN_LOG: logOf(cwd),
  STAND_IN_EXITS: exits.join(" "),
});

export async function runBuilder(run: BuilderRun): Promise<DibResult & { readonly started: readonly Started[] }> {
  const result = await resultOf(startBuilder(run));
  return { ...result, started: startedIn(run.cwd) };
}

export const startedIn = (cwd: string): readonly Started[] =>
  existsSync(logOf(cwd))
    ? readFileSync(logOf(cwd), "utf8")
        .split("\n")
        .filter(Boolean)
        .map((line) => JSON.parse(line) as Started)
    : [];
