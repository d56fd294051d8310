/** A README in reStructuredText as Markdown, under the headings that our elements have. */
import { readmeHeadings } from "../lint/rules/readme.js";

export interface ReadmeFacts {
  readonly name: string;
  /** What the old README said; empty when there was none. */
  readonly text: string;
  readonly isMarkdown: boolean;
  /** Variables that its environment files set. */
  readonly variables: readonly string[];
  readonly scripts: readonly string[];
  readonly needs: readonly string[];
}

interface Section {
  readonly title: string;
  readonly lines: readonly string[];
}

export function convertReadme({ name, text, isMarkdown, variables, scripts, needs }: ReadmeFacts): string {
  const sections = isMarkdown ? markdownSections(text) : restSections(text);
  const about = sections.filter(({ title }) => !isEnvironment(title));
  const environment = sections.filter(({ title }) => isEnvironment(title));
  const bodies = [
    bodyOf(about, name) || `The element ${name}.`,
    "None: it is set through the environment.",
    bodyOf(environment, name) || listOr(variables.map(code), "None."),
    listOr(scripts.map(code), "None."),
    needs.length === 0 ? "Nothing." : `${needs.map(code).join(", ")}.`,
  ];
  const parts = readmeHeadings.map((heading, index) => `## ${heading}\n\n${bodies[index]}`);
  return `${[`# ${name}`, ...parts].join("\n\n")}\n`;
}

/** The first sentence of the README, for package.json. */
export function descriptionOf({ name, text, isMarkdown }: Pick<ReadmeFacts, "name" | "text" | "isMarkdown">): string {
  const [first] = isMarkdown ? markdownSections(text) : restSections(text);
  const paragraph = (first?.lines.join("\n").trim().split("\n\n")[0] ?? "").replace(/\s+/g, " ");
  const sentence = /^.*?\.(?= |$)/.exec(paragraph)?.[0] ?? paragraph;
  const isProse = sentence !== "" && sentence.length <= 200 && !/^([-*>#|]|```)/.test(sentence);
  return isProse ? sentence.replaceAll("`", "") : `The element ${name}.`;
}

const code = (word: string): string => `\`${word}\``;
const listOr = (items: readonly string[], none: string): string =>
  items.length === 0 ? none : items.map((item) => `- ${item}`).join("\n");
const isEnvironment = (title: string): boolean => /environment|variable/i.test(title);

/** The README's own title says nothing that the file's title does not. */
const bodyOf = (sections: readonly Section[], name: string): string =>
  sections
    .flatMap(({ title, lines }) => {
      const isHeading = title !== "" && title.toLowerCase() !== name.toLowerCase() && !isEnvironment(title);
      return [...(isHeading ? [`### ${title}`, ""] : []), ...lines, ""];
    })
    .join("\n")
    .replace(/\n{3,}/g, "\n\n")
    .trim();

function markdownSections(text: string): Section[] {
  const parts = text.split(/^#+ +(.*)$/m);
  const bodies = parts.flatMap((part, index) =>
    index % 2 === 0 ? [{ title: parts[index - 1] ?? "", lines: part.trim().split("\n") }] : [],
  );
  return bodies.filter(({ title, lines }) => title !== "" || lines.join("") !== "");
}

const adornment = /^([=\-~^"'*+#`.:_])\1{2,}\s*$/;

function restSections(text: string): Section[] {
  const lines = text.replaceAll("\r", "").split("\n");
  const sections: { title: string; lines: string[] }[] = [{ title: "", lines: [] }];
  for (let at = 0; at < lines.length; at++) {
    const [line = "", next = "", afterNext = ""] = lines.slice(at, at + 3);
    const isOverlined = adornment.test(line) && next.trim() !== "" && afterNext.trim() === line.trim();
    const isUnderlined = line.trim() !== "" && !/^\s/.test(line) && adornment.test(next) && !adornment.test(line);
    if (isOverlined || isUnderlined) {
      sections.push({ title: (isOverlined ? next : line).trim(), lines: [] });
      at += isOverlined ? 2 : 1;
    } else sections.at(-1)?.lines.push(line);
  }
  return sections
    .map(({ title, lines: body }) => ({ title: inline(title), lines: blocks(body) }))
    .filter(({ title, lines: body }) => title !== "" || body.join("").trim() !== "");
}

const indentOf = (line: string): number => line.length - line.trimStart().length;

/** Literal blocks, directives, definitions and paragraphs of one section. */
function blocks(lines: readonly string[]): string[] {
  const made: string[] = [];
  for (let at = 0; at < lines.length;) {
    const line = lines[at] ?? "";
    const directive = /^(\s*)\.\. (?:([\w-]+)::)?\s*(.*)$/.exec(line);
    const body = indented(lines, at + 1, indentOf(line));
    if (directive !== null) {
      made.push(...directiveOf(directive[2] ?? "", directive[3] ?? "", body.lines));
      at = body.end;
    } else if (/::\s*$/.test(line) && body.lines.length > 0) {
      made.push(inline(line.replace(/\s*::\s*$/, ":")).replace(/^:$/, ""), "", ...fence(body.lines, ""));
      at = body.end;
    } else if (isTerm(line, lines[at + 1] ?? "")) {
      made.push(`- ${termOf(line)}`, ...definition(body.lines));
      at = body.end;
    } else {
      made.push(inline(line));
      at++;
    }
  }
  return made;
}

/** The lines from there on that lie deeper, without what they all are indented by. */
function indented(lines: readonly string[], from: number, depth: number): { lines: string[]; end: number } {
  let end = from;
  while (end < lines.length && ((lines[end] ?? "").trim() === "" || indentOf(lines[end] ?? "") > depth)) end++;
  const found = lines.slice(from, end);
  if (found.join("").trim() === "") return { lines: [], end: from };
  const shared = Math.min(...found.filter((line) => line.trim() !== "").map(indentOf));
  return { lines: trimBlank(found.map((line) => line.slice(shared).trimEnd())), end };
}

function trimBlank(lines: string[]): string[] {
  const first = lines.findIndex((line) => line !== "");
  const last = lines.findLastIndex((line) => line !== "");
  return first === -1 ? [] : lines.slice(first, last + 1);
}

const fence = (lines: readonly string[], language: string): string[] => ["", `\`\`\`${language}`, ...lines, "```", ""];

/** A comment of the old README goes; a directive that Markdown has no word for leaves its text. */
function directiveOf(name: string, argument: string, body: readonly string[]): string[] {
  if (/^(code|code-block|sourcecode|parsed-literal)$/.test(name))
    return fence(trimBlank(body.filter((line) => !/^:\w+:/.test(line))), argument);
  if (name === "") return [];
  const told = [argument, ...body].filter((line) => !/^:\w+:/.test(line)).map(inline);
  return ["", ...told.map((line, index) => `> ${index === 0 ? `**${name}**: ` : ""}${line}`.trimEnd()), ""];
}

const isTerm = (line: string, next: string): boolean =>
  line.trim() !== "" && !/^\s*([-*+]|\d+\.)\s/.test(line) && next.trim() !== "" && indentOf(next) > indentOf(line);

const termOf = (line: string): string => (/^\s*[A-Z][A-Z0-9_]+$/.test(line) ? code(line.trim()) : inline(line.trim()));

/** Fields become items; what is broken over lines is joined. */
function definition(lines: readonly string[]): string[] {
  const items: string[] = [];
  for (const line of lines) {
    const field = /^:([^:]+):\s*(.*)$/.exec(line);
    if (field !== null) items.push(`  - ${field[1]}: ${inline(field[2] ?? "")}`);
    else if (line.trim() === "" || items.length === 0) items.push(line.trim() === "" ? "" : `  ${inline(line.trim())}`);
    else items.push(`${items.pop()} ${inline(line.trim())}`.replace(/^ (?=\S)/, "  "));
  }
  return [...items, ""];
}

const inline = (text: string): string =>
  text
    .replace(/``(.+?)``/g, "`$1`")
    .replace(/:[\w-]+:`([^`]+)`/g, "`$1`")
    .replace(/`([^`<]+?)\s*<([^>]+)>`__?/g, "[$1]($2)")
    .replace(/`([^`]+)`__?(?!\w)/g, "$1")
    .replace(/\\([*_])/g, "$1");
