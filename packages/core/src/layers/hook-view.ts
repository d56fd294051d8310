/**
 * What a phase sees of the hook folder: its own folder, and all that belongs to no phase (environment.d, bin, static, top-level
 * files). The folders of other phases are out of its view, so that a change to them can't change what it does; an element that
 * needs one declares it in `reads`, and a file that names one (`extra-data.d`) has it. extra-data, whose job is to change the
 * hooks, sees all. What a phase adds, changes or removes there is part of its result.
 */
import { lstatSync, mkdirSync, readdirSync, readFileSync, readlinkSync, renameSync, rmdirSync } from "node:fs";
import { join } from "node:path";
import { copy, remove } from "fs-extra/esm";
import { compareBytes } from "../phases/order.js";
import { phaseNames, type PhaseName } from "../phases/table.js";
import { sha256 } from "../plan/digest.js";
import { wholeBuildVariables } from "./whole-build.js";

/** A file, link or empty folder of the hook folder. */
export interface HookFile {
  /** Relative to the hook folder. */
  readonly path: string;
  /** Kind, mode and sha256 of the content, or where a link leads. */
  readonly state: string;
  /** Words of it that say what else the phase depends on; see `interesting`. */
  readonly mentions: ReadonlySet<string>;
  /** Its bytes as characters, without lines that are comments; empty for a large one, and for data. */
  readonly text: string;
}

/** Relative paths, sorted. */
export interface HookChanges {
  readonly written: readonly string[];
  readonly removed: readonly string[];
}

/**
 * Names of the variables that tell of the whole build, the ways to print all variables, folders of phases, and programs that
 * fetch: files that mention none of them can't depend on these.
 */
const interesting = new RegExp(
  [
    `(?<phase>${phaseNames.join("|")})\\.d\\b`,
    String.raw`(?<variable>\b(${wholeBuildVariables.join("|")})\b)`,
    String.raw`(?<elements>\bget_image_element_(array|yaml)\b)`,
    String.raw`(?<all>\b(printenv|compgen)\b|\bset\b *($|[|>])|(?<!#!.*)\benv -|\b(declare|typeset|export) -[a-z]*p|(?<!#!.*)\benv\b(?= *(-0|--null)? *($|[|>;&)]))|os\.environ\b)`,
    String.raw`(?<fetch>\b(curl|wget|aria2c|svn|npx|cache-url|git\b[^\n;|&]*\b(clone|fetch|pull|ls-remote|submodule)|pip[\d.]*\b[^\n;|&]*\binstall|apk add|npm (i|install|ci)|gem install|cargo install|go (get|install)|docker pull|podman pull|skopeo|yum|dnf|zypper|rsync)\b)`,
    String.raw`(?<home>(~|\$HOME|\$\{HOME\})/\.ssh\b)`,
  ].join("|"),
  "gm",
);

/** Reads the hook folder; what has not changed since the last time is not read again. */
export class HookReader {
  readonly #folder: string;
  readonly #known = new Map<string, { readonly stamp: string; readonly file: HookFile }>();

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** Sorted by path. */
  read(below = ""): HookFile[] {
    const files: HookFile[] = [];
    this.#walk(below, files);
    return files.sort((a, b) => compareBytes(a.path, b.path));
  }

  #walk(path: string, files: HookFile[]): void {
    const full = join(this.#folder, path);
    const found = lstatSync(full);
    if (!found.isDirectory()) {
      const stamp = `${found.ino} ${found.mode} ${found.size} ${found.ctimeMs}`;
      const known = this.#known.get(path);
      const file = known?.stamp === stamp ? known.file : readHookFile(path, full, found.mode, found.isSymbolicLink());
      this.#known.set(path, { stamp, file });
      files.push(file);
      return;
    }
    const names = readdirSync(full);
    if (names.length === 0 && path !== "")
      files.push({ path, state: `folder ${(found.mode & 0o7777).toString(8)}`, mentions: new Set(), text: "" });
    for (const name of names) this.#walk(path === "" ? name : `${path}/${name}`, files);
  }
}

function readHookFile(path: string, full: string, mode: number, isLink: boolean): HookFile {
  if (isLink) {
    const target = readlinkSync(full);
    return { path, state: `link ${target}`, mentions: mentionsOf(target), text: target };
  }
  const content = readFileSync(full);
  const state = `file ${(mode & 0o7777).toString(8)} ${sha256(content)}`;
  if (content.length > 2 ** 20) return { path, state, mentions: new Set(["all"]), text: "" };
  const whole = content.toString("latin1");
  const text = isData.test(path) ? "" : withoutComments(whole);
  // A comment may be a line of a file that the script writes: variables count wherever they stand.
  const variables = [...mentionsOf(whole)].filter((each) => !/^(phase |fetch$|home$)/.test(each));
  return { path, state, mentions: new Set([...variables, ...mentionsOf(text)]), text };
}

/** Of what a phase sees, what runs in it: extra-data sees the scripts of others and runs none of them. */
export const runsIn = (phase: PhaseName, files: readonly HookFile[]): HookFile[] =>
  phase === "extra-data" ? files.filter(({ path }) => (phaseOf(path) ?? phase) === phase) : [...files];

/**
 * What the files of a view mention. A program in `bin` counts when something of the view that counts names it: all phases see them
 * all. A line of environment.d that sets a variable counts when something that counts names that variable.
 */
export function mentionsIn(files: readonly HookFile[]): ReadonlySet<string> {
  const waiting = new Set([...files.flatMap(programOf), ...files.flatMap(assignmentsOf)]);
  const counting = files
    .filter((file) => programOf(file).length === 0 && !isEnvironment(file))
    .map(({ mentions, text }) => ({ mentions, text }));
  counting.push(...files.filter(isEnvironment).map(withoutAssignments));
  for (let at = 0; at < counting.length && waiting.size > 0; at++) {
    for (const each of waiting) {
      if (counting[at]?.text.includes(each.name) !== true) continue;
      waiting.delete(each);
      counting.push(each);
    }
  }
  return new Set(counting.flatMap(({ mentions }) => [...mentions]));
}

/** Something that counts where its name is mentioned. */
interface Named {
  readonly name: string;
  readonly mentions: ReadonlySet<string>;
  readonly text: string;
}

const programOf = ({ path, mentions, text }: HookFile): Named[] =>
  path.startsWith("bin/") ? [{ name: path.slice("bin/".length), mentions, text }] : [];

const isEnvironment = ({ path }: HookFile): boolean => path.startsWith("environment.d/");

const assignment = /^[ \t]*(?:export[ \t]+)?([A-Za-z_]\w*)=(.*)$/gm;

/** Lines that set a variable from one that is interesting. */
function assignmentsOf(file: HookFile): Named[] {
  if (!isEnvironment(file) || file.mentions.size === 0) return [];
  return [...file.text.matchAll(assignment)].flatMap(([, name = "", text = ""]) => {
    const mentions = mentionsOf(text);
    return mentions.size === 0 ? [] : [{ name, mentions, text }];
  });
}

function withoutAssignments({ mentions, text }: HookFile): Pick<Named, "mentions" | "text"> {
  if (mentions.size === 0) return { mentions, text };
  const rest = text.replace(assignment, (line, _, value: string) => (mentionsOf(value).size === 0 ? line : ""));
  return { mentions: mentionsOf(rest), text: rest };
}

/** Variables that environment.d makes of others that tell of the whole build → which. */
export function derivedVariables(files: readonly HookFile[]): ReadonlyMap<string, readonly string[]> {
  const derived = new Map<string, readonly string[]>();
  for (const { name, mentions } of files.flatMap(assignmentsOf)) {
    const own = [...mentions]
      .filter((each) => each.startsWith("variable "))
      .map((each) => each.slice("variable ".length));
    derived.set(name, [...(derived.get(name) ?? []), ...own]);
  }
  return derived;
}

/** Nothing runs or sources these; what they say of variables may be filled in. */
const isData = /\.(ya?ml|json|md|rst|txt)$|(^|\/)package-installs-[^/]*$/;

/** Of scripts: what a comment says, none of them does. */
const withoutComments = (text: string): string => text.replace(/^[ \t]*#(?!!).*$/gm, "");

/** `phase NAME`, `variable NAME`, `elements`, `all`, `fetch`, `home`. */
function mentionsOf(text: string): Set<string> {
  const found = new Set<string>();
  for (const { groups = {} } of text.matchAll(interesting)) {
    for (const kind of ["elements", "all", "fetch", "home"]) if (groups[kind] !== undefined) found.add(kind);
    if (groups.phase !== undefined) found.add(`phase ${groups.phase}`);
    if (groups.variable !== undefined) found.add(`variable ${groups.variable}`);
  }
  return found;
}

/** The view of one phase; open until `close`. */
export interface HookView {
  /** What the phase sees, as it was when the view was opened. */
  readonly files: readonly HookFile[];
  /** Puts the folder back together. */
  close(): Promise<HookChanges>;
}

/** What a phase would see, without hiding the rest. `declared`: folders of other phases that elements say it reads. */
export function visibleFiles(phase: PhaseName, declared: readonly PhaseName[], reader: HookReader): HookFile[] {
  const all = reader.read();
  const seen = new Set(visiblePhases(phase, declared, all));
  return all.filter(({ path }) => isVisible(path, seen));
}

const phaseOf = (path: string): PhaseName | undefined => phaseNames.find((name) => path.startsWith(`${name}.d/`));

const isVisible = (path: string, seen: ReadonlySet<PhaseName>): boolean => {
  const phase = phaseOf(path) ?? phaseNames.find((name) => path === `${name}.d`);
  return phase === undefined || seen.has(phase);
};

function visiblePhases(phase: PhaseName, declared: readonly PhaseName[], files: readonly HookFile[]): PhaseName[] {
  if (phase === "extra-data") return [...phaseNames];
  const seen = new Set<PhaseName>([phase, ...declared]);
  for (let size = 0; size !== seen.size;) {
    size = seen.size;
    const mentions = mentionsIn(files.filter(({ path }) => isVisible(path, seen)));
    for (const name of phaseNames) if (mentions.has(`phase ${name}`)) seen.add(name);
  }
  return [...seen];
}

/** Takes the folders of other phases out of the hook folder. An empty one stays in place of each: what is put there is kept. */
export function openHookView(
  phase: PhaseName,
  declared: readonly PhaseName[],
  hooksDir: string,
  reader: HookReader,
): HookView {
  const files = visibleFiles(phase, declared, reader);
  const seen = new Set(visiblePhases(phase, declared, reader.read()));
  const aside = `${hooksDir}.aside`;
  const present = new Set(readdirSync(hooksDir));
  const hidden = phaseNames
    .map((name) => `${name}.d`)
    .filter((name, index) => present.has(name) && !seen.has(phaseNames[index]!));
  mkdirSync(aside);
  for (const name of hidden) {
    const { mode } = lstatSync(join(hooksDir, name));
    renameSync(join(hooksDir, name), join(aside, name));
    mkdirSync(join(hooksDir, name), { mode: mode & 0o7777 });
  }
  return {
    files,
    async close() {
      const before = new Map(files.map(({ path, state }) => [path, state]));
      const after = reader.read().filter(({ path }) => !hidden.includes(path));
      for (const name of hidden) await mergeBack(join(aside, name), join(hooksDir, name));
      rmdirSync(aside);
      const now = new Set(after.map(({ path }) => path));
      return {
        written: after.filter(({ path, state }) => before.get(path) !== state).map(({ path }) => path),
        removed: files.map(({ path }) => path).filter((path) => !now.has(path)),
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
