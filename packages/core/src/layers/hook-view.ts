/**
 * What a phase sees of the hook folder: its own folder, and all that belongs to no phase (environment.d, bin, static, top-level
 * files). The folders of other phases are out of its view, so that a change to them can't change what it does; an element that
 * needs one declares it in `reads`, and a file that names one (`extra-data.d`) has it. extra-data, whose job is to change the
 * hooks, sees all. What a phase adds, changes or removes there is part of its result.
 */
import { lstatSync, mkdirSync, readdirSync, renameSync, rmdirSync } from "node:fs";
import { join } from "node:path";
import { copy, remove } from "fs-extra/esm";
import { phaseNames, type PhaseName } from "../phases/table.js";
import type { HookFile, HookReader } from "./hook-files.js";
import { mentionsIn } from "./mentions.js";

/** Relative paths, sorted. */
export interface HookChanges {
  readonly written: readonly string[];
  readonly removed: readonly string[];
}

/** What a phase sees of the hook folder. */
export interface HookView {
  readonly files: readonly HookFile[];
  /** Of what runs in the phase: extra-data sees the scripts of others and runs none of them. */
  readonly mentions: ReadonlySet<string>;
}

/** The folder shows no more than the view; open until `close`. */
export interface OpenHookView extends HookView {
  /** Puts the folder back together. */
  close(): Promise<HookChanges>;
}

/** The view of a phase, without hiding the rest. `declared`: folders of other phases that elements say it reads. */
export const viewHooks = (phase: PhaseName, declared: readonly PhaseName[], reader: HookReader): HookView =>
  viewOf(phase, declared, reader.read());

function viewOf(phase: PhaseName, declared: readonly PhaseName[], all: readonly HookFile[]): HookView {
  if (phase === "extra-data")
    return { files: all, mentions: mentionsIn(all.filter(({ path }) => (phaseOf(path) ?? phase) === phase)) };
  const seen = new Set<PhaseName>([phase, ...declared]);
  for (;;) {
    const files = all.filter(({ path }) => isVisible(path, seen));
    const mentions = mentionsIn(files);
    const named = phaseNames.filter((name) => mentions.has(`phase ${name}`) && !seen.has(name));
    if (named.length === 0) return { files, mentions };
    for (const name of named) seen.add(name);
  }
}

/** The phase whose folder a path is, or lies in. */
const phaseOf = (path: string): PhaseName | undefined =>
  phaseNames.find((name) => path === `${name}.d` || path.startsWith(`${name}.d/`));

function isVisible(path: string, seen: ReadonlySet<PhaseName>): boolean {
  const phase = phaseOf(path);
  return phase === undefined || seen.has(phase);
}

/** Takes what is out of the view out of the hook folder. An empty folder stays in place of each: what is put there is kept. */
export function openHookView(
  phase: PhaseName,
  declared: readonly PhaseName[],
  hooksDir: string,
  reader: HookReader,
): OpenHookView {
  const all = reader.read();
  const view = viewOf(phase, declared, all);
  const shown = new Set(view.files);
  const hidden = new Set(all.flatMap((file) => (shown.has(file) ? [] : `${phaseOf(file.path)}.d`)));
  const aside = `${hooksDir}.aside`;
  mkdirSync(aside);
  for (const name of hidden) {
    const { mode } = lstatSync(join(hooksDir, name));
    renameSync(join(hooksDir, name), join(aside, name));
    mkdirSync(join(hooksDir, name), { mode: mode & 0o7777 });
  }
  return {
    ...view,
    async close() {
      const before = new Map(view.files.map(({ path, state }) => [path, state]));
      const after = reader.read().filter(({ path }) => !hidden.has(path));
      for (const name of hidden) await mergeBack(join(aside, name), join(hooksDir, name));
      rmdirSync(aside);
      const now = new Set(after.map(({ path }) => path));
      return {
        written: after.filter(({ path, state }) => before.get(path) !== state).map(({ path }) => path),
        removed: [...before.keys()].filter((path) => !now.has(path)),
      };
    },
  };
}

/** Puts a folder back at its place, with what was written there meanwhile. */
async function mergeBack(aside: string, place: string): Promise<void> {
  for (const name of readdirSync(place)) await copy(join(place, name), join(aside, name), { overwrite: true });
  await remove(place);
  renameSync(aside, place);
}
