/** What scripts name in their text, and thus what else a phase depends on than its files. */
import { phaseNames } from "../phases/table.js";
import type { HookFile } from "./hook-files.js";
import { wholeBuildVariables } from "./whole-build.js";

/** One pattern for each kind: what one of them takes in may hold a word of another. */
const patterns = {
  /** The folder of a phase. */
  phase: new RegExp(`(${phaseNames.join("|")})\\.d\\b`, "g"),
  /** A variable that tells of the whole build. */
  variable: new RegExp(String.raw`\b(${wholeBuildVariables.join("|")})\b`, "g"),
  elements: /\bget_image_element_(array|yaml)\b/g,
  /** Something that prints or reads all variables. */
  all: /\b(printenv|compgen)\b|\bset\b *($|[|>])|\b(declare|typeset|export) -[a-z]*p|(?<!#!.*)\benv -|(?<!#!.*)\benv\b(?= *($|[|>;&)]))|os\.environ\b/gm,
  /** A program that fetches. */
  fetch:
    /\b(curl|wget|aria2c|svn|npx|cache-url|git\b[^\n;|&]*\b(clone|fetch|pull|ls-remote|submodule)|pip[\d.]*\b[^\n;|&]*\binstall|apk add|npm (i|install|ci)|gem install|cargo install|go (get|install)|docker pull|podman pull|skopeo|yum|dnf|zypper|rsync)\b/g,
  /** The caller's keys. */
  home: /(~|\$HOME|\$\{HOME\})\/\.ssh\b/g,
} as const;

const named = ["phase", "variable"] as const;
const unnamed = ["elements", "all", "fetch", "home"] as const;

/** `phase NAME`, `variable NAME`, `elements`, `all`, `fetch`, `home`. */
export function mentionsOf(text: string): Set<string> {
  return new Set([
    ...named.flatMap((kind) => [...text.matchAll(patterns[kind])].map(([, name = ""]) => `${kind} ${name}`)),
    ...unnamed.filter((kind) => text.search(patterns[kind]) !== -1),
  ]);
}

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
