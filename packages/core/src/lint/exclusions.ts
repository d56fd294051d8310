/** What authors say that is meant: in a file for itself, in tox.ini for all. The notation is dib-lint's. */
import { readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { SourceFile } from "./source.js";

/** Rules that `# dib-lint: disable=a b` names. */
export const disabledIn = ({ text }: Pick<SourceFile, "text">): ReadonlySet<string> =>
  new Set([...text.matchAll(/^# dib-lint: disable=(.*)$/gm)].flatMap(([, names = ""]) => wordsOf(names)));

/** Rules that the nearest tox.ini with a section for dib-lint ignores. */
export async function ignoredRules(folder: string): Promise<ReadonlySet<string>> {
  for (let at = folder; ; at = dirname(at)) {
    const ignored = ignoredIn(await readFile(join(at, "tox.ini"), "utf8").catch(() => ""));
    if (ignored !== undefined) return new Set(wordsOf(ignored));
    if (at === dirname(at)) return new Set();
  }
}

/** What `ignore` of the section for dib-lint says, on one line: lines that are indented go on with it. */
export function ignoredIn(text: string): string | undefined {
  let value: string | undefined;
  let [isInside, isIgnore] = [false, false];
  for (const line of text.split("\n").filter((each) => !/^\s*([#;]|$)/.test(each))) {
    const header = /^\[(.+)\]/.exec(line)?.[1];
    if (header !== undefined) {
      [isInside, isIgnore] = [header === "dib-lint", false];
      if (isInside) value ??= "";
    } else if (/^\s/.test(line)) {
      if (isIgnore) value = `${value ?? ""} ${line.trim()}`;
    } else {
      const [, name = "", written = ""] = /^([^=:]*)[=:](.*)$/.exec(line) ?? [];
      isIgnore = isInside && name.trim().toLowerCase() === "ignore";
      if (isIgnore) value = written.trim();
    }
  }
  return value;
}

const wordsOf = (text: string): string[] => text.split(/[\s,]+/).filter(Boolean);
