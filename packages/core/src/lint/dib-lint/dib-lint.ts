/** dib-lint: what diskimage-builder's command of that name checks of a folder of elements, and how it tells it. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { ignoredIn } from "../exclusions.js";
import { isExecutable, shebangOf, type SourceFile } from "../source.js";
import {
  indentChecks,
  lineChecks,
  packageMapChecks,
  scriptChecks,
  shellChecks,
  yamlChecks,
  type FileCheck,
} from "./checks.js";
import type { DibLintRequest } from "./start.js";
import { ignoredByGit, isThere, readTree, type Tree } from "./tree.js";

/** Whether there was nothing to find fault with. */
export async function lintAsDib(request: DibLintRequest): Promise<boolean> {
  const { cwd, elementsDir, libDir, say } = request;
  say(`Running dib-lint in ${cwd}`);
  const report = new Report(
    say,
    wordsOf(ignoredIn(await readFile(join(cwd, "tox.ini"), "utf8").catch(() => "")) ?? ""),
  );
  if (!(await isThere(elementsDir, cwd))) report.fail(`there is no folder ${elementsDir}: ELEMENTS_DIR names another`);
  const elements = await readTree(elementsDir, cwd);
  await checkReadmes(elements, request, report);
  await checkScripts(elements, request, report);
  say("Checking indents...");
  await checkLines(elements.files.filter(isTextOrProgram), request, report);
  await checkLines((await readTree(libDir, cwd)).files, request, report);
  if (elements.markdown.length > 0 && !report.isIgnored("mddocs"))
    report.fail(`.md docs found: ${elements.markdown.join("\n")}`);
  checkParsing(
    "Checking YAML parsing...",
    elements.files.filter(({ path }) => path.endsWith(".yaml")),
    yamlChecks,
    report,
  );
  checkParsing("Checking pkg-map files...", elements.files.filter(isPackageMap), packageMapChecks, report);
  say(report.hasFailed ? "*** FAIL: Some tests failed!" : "PASS");
  return !report.hasFailed;
}

/** Names in a list of them: of a file's own, and of all files'. */
const wordsOf = (text: string): readonly string[] => text.split(/\s+/).filter(Boolean);

const excludedIn = ({ text }: SourceFile): readonly string[] =>
  [...text.matchAll(/^# dib-lint: disable=(.*)$/gm)].flatMap(([, names = ""]) => wordsOf(names));

class Report {
  hasFailed = false;
  readonly say: (line: string) => void;
  readonly #ignored: ReadonlySet<string>;

  constructor(say: (line: string) => void, ignored: readonly string[]) {
    this.say = say;
    this.#ignored = new Set(ignored);
  }

  isIgnored(name: string): boolean {
    return this.#ignored.has(name);
  }

  fail(message: string): void {
    this.say(`ERROR: ${message}`);
    this.hasFailed = true;
  }

  apply(checks: readonly FileCheck[], file: SourceFile): void {
    const excluded = new Set(excludedIn(file));
    for (const { name, appliesTo, check } of checks) {
      const isExcluded = name !== undefined && (excluded.has(name) || this.#ignored.has(name));
      if (!isExcluded && appliesTo(file)) check(file).forEach((message) => this.fail(message));
    }
  }
}

const isTextOrProgram = (file: SourceFile): boolean => file.path.endsWith(".rst") || isExecutable(file);
const isPackageMap = (file: SourceFile): boolean => /(^|\/)pkg-map$/.test(file.path) && !isExecutable(file);

async function checkReadmes({ elements }: Tree, { cwd }: DibLintRequest, report: Report): Promise<void> {
  for (const element of elements)
    if (!(await isThere(`${element}/README.rst`, cwd))) report.fail(`${element} lacks a README.rst`);
}

async function checkScripts({ files }: Tree, request: DibLintRequest, report: Report): Promise<void> {
  const { say } = request;
  const checked = files.filter(({ path }) => !/\.(rst|yaml|py)$/.test(path));
  const ignored = await ignoredByGit(checked, request);
  const kept = checked.filter(({ path }) => !ignored.has(path));
  const python = await pythonAmong(kept, request);
  const flake8 = python.size > 0 ? await openFlake8(request) : undefined;
  for (const file of checked) {
    if (ignored.has(file.path)) {
      say(`Skipping ${file.path}`);
      continue;
    }
    say(`Checking ${file.path}`);
    report.apply(scriptChecks, file);
    if (!python.has(file.path)) report.apply(indentChecks, file);
    else if (flake8 !== undefined && !(await flake8(file))) report.fail(`${file.path} failed flake8`);
    report.apply(shellChecks, file);
  }
}

/** Scripts that file(1) takes for Python, and those for dib-python, which it may not know. */
async function pythonAmong(
  files: readonly SourceFile[],
  { exec, cwd, env }: DibLintRequest,
): Promise<ReadonlySet<string>> {
  const scripts = files.filter((file) => shebangOf(file) !== "");
  const args = ["-b", "-k", "--mime-type", "--", ...scripts.map(({ path }) => path)];
  const { stdout } = scripts.length === 0 ? { stdout: "" } : await exec("file", args, { cwd, env });
  const types = stdout.split("\n");
  const isPython = (file: SourceFile, index: number) =>
    /text\/x-(script\.)?python/.test(types[index] ?? "") || shebangOf(file).includes("dib-python");
  return new Set(scripts.filter(isPython).map(({ path }) => path));
}

/** Whether a file passes; undefined where it is not installed. With the configuration that the folder has for it. */
async function openFlake8({ exec, cwd, env, say, note }: DibLintRequest) {
  if ((await exec("flake8", ["--version"], { cwd, env })).exitCode === 127) {
    note("flake8 is not installed: its checks were left out");
    return undefined;
  }
  return async ({ path }: SourceFile): Promise<boolean> => {
    const { exitCode, stdout } = await exec("flake8", [path], { cwd, env });
    for (const line of stdout.split("\n").filter(Boolean)) say(line);
    return exitCode === 0;
  };
}

async function checkLines(files: readonly SourceFile[], request: DibLintRequest, report: Report): Promise<void> {
  const ignored = await ignoredByGit(files, request);
  for (const file of files) {
    if (ignored.has(file.path)) request.say(`Skipping ${file.path}`);
    else report.apply(lineChecks, file);
  }
}

function checkParsing(title: string, files: readonly SourceFile[], checks: readonly FileCheck[], report: Report): void {
  report.say(title);
  for (const file of files) {
    report.say(`Parsing  ${file.path}`);
    report.apply(checks, file);
  }
}
