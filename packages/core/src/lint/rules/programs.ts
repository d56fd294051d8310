/** What other programs say: the shells always, shellcheck and flake8 where they are installed. */
import { join } from "node:path";
import type { Found, LintTools, SourceRule } from "../rule.js";
import { filesOf, isBash, isPython, shebangOf, type LintSource, type SourceFile } from "../source.js";

export const programRules: readonly SourceRule[] = [
  {
    name: "syntax",
    check: (source, tools) => inTurn(shellFilesOf(source), (file) => checkSyntax(file, source, tools)),
  },
  {
    name: "shellcheck",
    check: (source, tools) => askOnce(shellFilesOf(source), source, tools, shellcheck),
  },
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

const shellFilesOf = (source: LintSource): SourceFile[] =>
  filesOf(source).filter(
    (file) => file.text !== "" && (isBash(file) || /\/sh\b/.test(shebangOf(file)) || isEnvironment(file)),
  );

async function inTurn(files: readonly SourceFile[], check: (file: SourceFile) => Promise<Found[]>): Promise<Found[]> {
  const found: Found[] = [];
  for (const file of files) found.push(...(await check(file)));
  return found;
}

/** `-n` reads and runs nothing. */
async function checkSyntax(file: SourceFile, { folder }: LintSource, { exec, env }: LintTools): Promise<Found[]> {
  const shell = /\/sh\b/.test(shebangOf(file)) ? "sh" : "bash";
  const { exitCode, stderr } = await exec(shell, ["-n", join(folder, file.path)], { env });
  if (exitCode === 0 || exitCode === 127) return [];
  const [, line, message] = /: (?:line )?(\d+): (.*)/.exec(stderr) ?? [];
  return [{ file: file.path, line: line === undefined ? undefined : Number(line), message: message ?? stderr.trim() }];
}

interface Program {
  readonly name: string;
  readonly args: readonly string[];
  readonly parse: (output: string) => (Found & { readonly file: string })[];
}

/** Errors only: matters of taste are the author's. */
const shellcheck: Program = {
  name: "shellcheck",
  args: ["--severity=error", "--format=gcc", "--shell=bash"],
  parse: (output) =>
    parseLines(output, /^(.+?):(\d+):\d+: \w+: (.*)$/gm, "See shellcheck's page on the code in brackets."),
};

const flake8: Program = {
  name: "flake8",
  args: [],
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
  const { exitCode, stdout } = await exec(name, [...args, ...paths], { cwd: folder, env });
  if (exitCode === 127) note(`${name} is not installed: its checks were left out`);
  return parse(stdout).map((found) => ({ ...found, file: found.file.replace(/^\.\//, "") }));
}
