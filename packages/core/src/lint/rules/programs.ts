/** What other programs say: the shells always, shellcheck and flake8 where they are installed. */
import type { Found, LintTools, SourceRule } from "../rule.js";
import { filesOf, isBash, isPython, shebangOf, type LintSource, type SourceFile } from "../source.js";

export const programRules: readonly SourceRule[] = [
  {
    name: "syntax",
    check: async (source, tools) => [
      ...(await askOnce(shellFilesOf(source).filter(isForSh), source, tools, syntaxOf("sh"))),
      ...(await askOnce(
        shellFilesOf(source).filter((file) => !isForSh(file)),
        source,
        tools,
        syntaxOf("bash"),
      )),
    ],
  },
  { name: "shellcheck", check: (source, tools) => askOnce(shellFilesOf(source), source, tools, shellcheck) },
  {
    name: "flake8",
    check: (source, tools) =>
      askOnce(
        filesOf(source).filter((file) => isPython(file) && shebangOf(file) !== ""),
        source,
        tools,
        flake8,
      ),
  },
];

const isEnvironment = ({ inElement }: SourceFile): boolean => /^environment\.d\/[^/]+$/.test(inElement);

const isForSh = (file: SourceFile): boolean => /\/sh\b/.test(shebangOf(file));

const shellFilesOf = (source: LintSource): SourceFile[] =>
  filesOf(source).filter((file) => file.text !== "" && (isBash(file) || isForSh(file) || isEnvironment(file)));

interface Program {
  readonly name: string;
  readonly args: readonly string[];
  readonly parse: (output: string) => (Found & { readonly file: string })[];
}

/** `-n` reads and runs nothing. What comes after a file's first error follows from it. */
const syntaxOf = (shell: "sh" | "bash"): Program => ({
  name: "bash",
  args: ["-c", `for file do ${shell} -n "$file"; done`, "syntax"],
  parse: (output) => {
    const found = parseLines(output, /^(.+?): (?:line )?(\d+): (.*)$/gm);
    return found.filter(({ file }, index) => found.findIndex((other) => other.file === file) === index);
  },
});

/** Errors only: matters of taste are the author's. */
const shellcheck: Program = {
  name: "shellcheck",
  args: ["--severity=error", "--format=gcc", "--shell=bash"],
  parse: (output) =>
    parseLines(output, /^(.+?):(\d+):\d+: \w+: (.*)$/gm, "See shellcheck's page on the code in brackets."),
};

/** Isolated: a config file could name plug-ins, which are code. */
const flake8: Program = {
  name: "flake8",
  args: ["--isolated"],
  parse: (output) => parseLines(output, /^(.+?):(\d+):\d+: (.*)$/gm),
};

const parseLines = (output: string, pattern: RegExp, hint?: string): ReturnType<Program["parse"]> =>
  [...output.matchAll(pattern)].map(([, file = "", line, message = ""]) => ({
    ...{ file, line: Number(line), message, hint },
  }));

async function askOnce(
  files: readonly SourceFile[],
  { folder }: LintSource,
  { exec, env, note }: LintTools,
  { name, args, parse }: Program,
): Promise<Found[]> {
  if (files.length === 0) return [];
  const paths = files.map(({ path }) => `./${path}`);
  const { exitCode, stdout, stderr } = await exec(name, [...args, ...paths], { cwd: folder, env });
  if (exitCode === 127) note(`${name} is not installed: its checks were left out`);
  return parse(`${stdout}\n${stderr}`).map((found) => ({ ...found, file: found.file.replace(/^\.\//, "") }));
}
