/** dib-lint's rules for texts and data. */
import { parseAllDocuments } from "yaml";
import { reasonOf } from "../../errors.js";
import { onLines, unless, type FileRule, type Found } from "../rule.js";
import { isExecutable, type SourceFile } from "../source.js";

const endsWith = (file: SourceFile, end: string): boolean => file.path.endsWith(end);
const baseName = ({ path }: SourceFile): string => path.slice(path.lastIndexOf("/") + 1);
const isSourceRepository = (file: SourceFile): boolean => baseName(file).startsWith("source-repository-");

export const documentRules: readonly FileRule[] = [
  {
    name: "element-deps",
    appliesTo: ({ inElement }) => inElement === "element-deps",
    check: (file) => outOfOrder(file),
  },
  {
    name: "tabindent",
    appliesTo: (file) => file.text !== "" && (endsWith(file, ".rst") || isExecutable(file)),
    check: (file) =>
      onLines(file, (line) => /^ *\t/.test(line), { message: "is indented with a tab", hint: "Use spaces." }),
  },
  {
    name: "newline",
    appliesTo: (file) => file.text !== "" && (endsWith(file, ".rst") || isExecutable(file) || isSourceRepository(file)),
    check: (file) =>
      unless(file.text.endsWith("\n"), { line: file.lines.length, message: "does not end with a newline" }),
  },
  {
    name: "yaml",
    appliesTo: (file) => endsWith(file, ".yaml") || endsWith(file, ".yml"),
    check: ({ text }) =>
      parseAllDocuments(text).flatMap((document) =>
        (document.errors ?? []).map(({ message, linePos }): Found => ({
          line: linePos?.[0].line,
          message: `is not valid YAML: ${(message.split("\n")[0] ?? "").replace(/ at line \d+, column \d+:?$/, "")}`,
        })),
      ),
  },
  {
    name: "pkg-map",
    appliesTo: (file) => baseName(file) === "pkg-map" && !isExecutable(file),
    check: notJson,
  },
];

function outOfOrder(file: SourceFile): Found[] {
  const names = file.lines.map((line, index) => ({ name: line.trim(), line: index + 1 }));
  const written = names.filter(({ name }) => name !== "" && !name.startsWith("#"));
  const wrong = written.find(({ name }, index) => index > 0 && name < (written[index - 1]?.name ?? ""));
  return wrong === undefined
    ? []
    : [{ line: wrong.line, message: `${wrong.name} is not in alphabetical order`, hint: "LC_ALL=C sort" }];
}

function notJson({ text }: SourceFile): Found[] {
  try {
    JSON.parse(text);
    return [];
  } catch (error) {
    return [{ message: `is not valid JSON: ${reasonOf(error)}` }];
  }
}
