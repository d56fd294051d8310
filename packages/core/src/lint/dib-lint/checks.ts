/** What dib-lint says of one file, in its words. Where `dib lint` has the same rule, that rule looks. */
import { isCollection, parseAllDocuments, visit } from "yaml";
import { commandsOf } from "../rule.js";
import { fileRules } from "../rules/table.js";
import { isExecutable, type SourceFile } from "../source.js";

export interface FileCheck {
  /** What excludes it; some can't be. */
  readonly name?: string;
  readonly appliesTo: (file: SourceFile) => boolean;
  /** Each an error, with lines that belong to it. */
  readonly check: (file: SourceFile) => readonly string[];
}

const baseName = ({ path }: SourceFile): string => path.slice(path.lastIndexOf("/") + 1);
const firstLine = ({ lines: [first = ""] }: SourceFile): string => first;
const isScript = (file: SourceFile): boolean => firstLine(file).startsWith("#!");
const isBashScript = (file: SourceFile): boolean => firstLine(file).includes("#!/bin/bash");
const always = (): boolean => true;

/** Where a rule of `dib lint` finds something. */
function linesFoundBy(name: string): (file: SourceFile) => readonly (number | undefined)[] {
  const rule = fileRules.find((each) => each.name === name);
  if (rule === undefined) throw new Error(`lint has no rule called ${name}`);
  return (file) => rule.check(file).map(({ line }) => line);
}

/** One error for a file, however often that rule finds something. */
function asRule(name: string, appliesTo: FileCheck["appliesTo"], message: (path: string) => string): FileCheck {
  const found = linesFoundBy(name);
  return { name, appliesTo, check: (file) => (found(file).length > 0 ? [message(file.path)] : []) };
}

/** As `asRule`, for what no exclusion reaches. */
const asFixedRule = (...of: Parameters<typeof asRule>): FileCheck => {
  const { appliesTo, check } = asRule(...of);
  return { appliesTo, check };
};

const misindented = linesFoundBy("indent");
const indent: FileCheck = {
  name: "indent",
  appliesTo: isScript,
  check: (file) => {
    const shown = misindented(file).map((line = 1) => `${line}:${file.lines[line - 1] ?? ""}`);
    return shown.length === 0 ? [] : [[`${file.path} should use 4 spaces indent`, ...shown].join("\n")];
  },
};

/** DIB's folders of the phases outside of the chroot, wherever in a path a name has them in it. */
const onHost = /root.d|extra-data.d|block-device.d|finalise.d|cleanup.d/;
const safeSudo = /dib-lint: safe_sudo|^#|install-packages|TARGET_ROOT|IMAGE_BLOCK_DEVICE|TMP_MOUNT_PATH|TMP_IMAGE_PATH/;
const folderOf = ({ path }: SourceFile): string => path.slice(0, path.lastIndexOf("/"));

const onWords = (
  name: string,
  word: string,
  fine: RegExp,
  what: string,
  appliesTo: FileCheck["appliesTo"] = always,
): FileCheck => ({
  name,
  appliesTo,
  check: (file) =>
    commandsOf(file)
      .map(({ text }) => text.trim().replace(/\\(.)/g, "$1")) // as read gives a line to whoever reads it
      .filter((command) => command.includes(word) && !fine.test(command))
      .map((command) => `${file.path} : ${what}\n -- ${command}`),
});

/** Of files but texts, YAML and modules of Python. */
export const scriptChecks: readonly FileCheck[] = [
  {
    appliesTo: (file) => baseName(file).includes("source-repository-"),
    check: ({ path, text }) => (text === "" || text.endsWith("\n") ? [] : [`${path} does not end with a newline`]),
  },
  {
    name: "executable",
    appliesTo: isScript,
    check: (file) => (isExecutable(file) ? [] : [`${file.path} is not executable`]),
  },
];

/** After what Python's own checker, or `indentChecks`, had to say. */
export const shellChecks: readonly FileCheck[] = [
  {
    appliesTo: (file) => baseName(file) === "element-deps",
    check: ({ path, lines }) => {
      const names = lines.filter((line) => line !== "" && !line.startsWith("#"));
      const isSorted = names.every((name, index) => index === 0 || compare(names[index - 1] ?? "", name) <= 0);
      return isSorted ? [] : [`${path} is not sorted alphabetically`];
    },
  },
  {
    appliesTo: (file) => /^#!.*bash/.test(firstLine(file)),
    check: (file) => (firstLine(file) === "#!/bin/bash" ? [] : [`${file.path} : only use #!/bin/bash for scripts`]),
  },
  asRule("sete", isBashScript, (path) => `${path} is not set -e`),
  asRule("setu", isBashScript, (path) => `${path} is not set -u`),
  {
    name: "setpipefail",
    appliesTo: isBashScript,
    check: ({ path, lines }) =>
      lines.some((line) => line.startsWith("set -o pipefail")) ? [] : [`${path} is not set -o pipefail`],
  },
  asRule("dibdebugtrace", isBashScript, (path) => `${path} does not follow DIB_DEBUG_TRACE`),
  asFixedRule("environment-trace", isEnvironment, (path) => `Environment file ${path} should not set tracing`),
  asFixedRule(
    "environment-mode",
    isEnvironment,
    (path) => `Environment file ${path} should not be marked as executable`,
  ),
  asFixedRule("export", always, (path) => `Split export and assignments in ${path}`),
  onWords("safe_sudo", "sudo ", safeSudo, "potentially unsafe sudo", (file) => onHost.test(folderOf(file))),
  onWords("which", "which ", /dib-lint: which|^#/, "potential use of which"),
];

function isEnvironment({ path }: SourceFile): boolean {
  return /environment.d/.test(path);
}

const compare = (a: string, b: string): number => Buffer.compare(Buffer.from(a), Buffer.from(b));

export const indentChecks: readonly FileCheck[] = [indent];

/** Of texts, of what can be run, and of the library. */
export const lineChecks: readonly FileCheck[] = [
  asRule("tabindent", always, (path) => `${path} contains tab characters`),
  asRule(
    "newline",
    ({ text }) => text !== "",
    (path) => `No newline at end of file: ${path}`,
  ),
];

export const yamlChecks: readonly FileCheck[] = [
  { appliesTo: always, check: ({ path, text }) => (isYaml(text) ? [] : [`${path} is not a valid YAML file`]) },
];

export const packageMapChecks: readonly FileCheck[] = [
  asFixedRule("pkg-map", always, (path) => `${path} is not a valid JSON file`),
];

/** As PyYAML's safe_load takes it: one document, no tag of somebody's own, no key of several parts; the last of equal keys counts. */
function isYaml(text: string): boolean {
  const [document, ...others] = parseAllDocuments(text, { version: "1.1", uniqueKeys: false, prettyErrors: false });
  if (document === undefined) return true;
  if (others.length + (document.errors ?? []).length + (document.warnings ?? []).length > 0) return false;
  let isPlain = true;
  visit(document, { Pair: (_, { key }) => void (isPlain &&= !isCollection(key)) });
  try {
    if (isPlain) document.toJS();
    return isPlain;
  } catch {
    return false; // beyond the parser's limits: aliases of aliases
  }
}
