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
    const text = await readFile(join(at, "tox.ini"), "utf8").catch(() => "");
    const section = /^\[dib-lint\][^\S\n]*$([\s\S]*?)(?=^\[|$(?![\s\S]))/m.exec(text)?.[1];
    if (section !== undefined) return new Set(wordsOf(/^ignore[^\S\n]*=(.*)$/m.exec(section)?.[1] ?? ""));
    if (at === dirname(at)) return new Set();
  }
}

const wordsOf = (text: string): string[] => text.split(/[\s,]+/).filter(Boolean);
