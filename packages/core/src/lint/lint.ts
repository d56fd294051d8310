/** Checks elements: everything that dib-lint does, and what npm packages need besides. Nothing of them is run. */
import { compareBytes } from "../phases/order.js";
import type { Exec } from "../process/exec.js";
import { disabledIn, ignoredRules } from "./exclusions.js";
import type { Found, LintTools } from "./rule.js";
import { filesOf, readSource, type KnownElements, type LintSource, type SourceFile } from "./source.js";

export interface LintFinding {
  readonly rule: string;
  readonly element?: string | undefined;
  /** Relative to the report's folder. */
  readonly file: string;
  readonly line?: number | undefined;
  readonly message: string;
  readonly hint?: string | undefined;
}

export interface LintReport {
  /** Absolute. */
  readonly folder: string;
  readonly elements: readonly string[];
  readonly files: number;
  /** By file and line. */
  readonly findings: readonly LintFinding[];
  /** What was not checked, and why. */
  readonly notes: readonly string[];
}

export interface LintRequest {
  /** A package, an element, or a folder of elements. */
  readonly folder: string;
  readonly exec: Exec;
  readonly env: Readonly<Record<string, string>>;
  /** Elements that may be needed, by name: with them, what an element uses and does not name is found. */
  readonly known?: KnownElements | undefined;
}

/** Throws LINT_NOTHING_FOUND; all else that is wrong is a finding. */
export async function lintElements({ folder, exec, env, known = new Map() }: LintRequest): Promise<LintReport> {
  const source = await readSource(folder, known);
  const ignored = await ignoredRules(source.folder);
  const notes = new Set<string>();
  const findings = await findAll(source, { exec, env, note: (text) => void notes.add(text) });
  const files = new Map(filesOf(source).map((file) => [file.path, file]));
  return {
    folder: source.folder,
    elements: source.elements.map(({ name }) => name),
    files: [...files.values()].filter(({ kind }) => kind === "file").length,
    findings: findings.filter((finding) => !isMeant(finding, files, ignored)).sort(byPlace),
    notes: [...notes],
  };
}

async function findAll(source: LintSource, tools: LintTools): Promise<LintFinding[]> {
  const { elementRules, fileRules, sourceRules } = await import("./rules/table.js"); // only now: every command loads this file
  const kind = source.package === undefined ? "folder" : "package";
  const isUsed = (rule: { in?: string | undefined }) => rule.in === undefined || rule.in === kind;
  const ofFiles = fileRules.filter(isUsed).flatMap((rule) =>
    filesOf(source)
      .filter((file) => file.kind === "file" && rule.appliesTo(file))
      .flatMap((file) => rule.check(file).map((found) => placed(rule.name, found, file))),
  );
  const ofElements = elementRules.filter(isUsed).flatMap((rule) =>
    source.elements.flatMap((element) => {
      const place = { path: element.at, element: element.name };
      return rule.check(element, source).map((found) => placed(rule.name, found, place));
    }),
  );
  const ofAll = await Promise.all(
    sourceRules.filter(isUsed).map(async (rule) => {
      const found = await rule.check(source, tools);
      return found.map((each) => placed(rule.name, each, { path: "package.json", element: undefined }));
    }),
  );
  return [...ofFiles, ...ofElements, ...ofAll.flat()];
}

const placed = (
  rule: string,
  { file, ...found }: Found,
  at: { readonly path: string; readonly element: string | undefined },
): LintFinding => ({ rule, element: at.element, file: file ?? at.path, ...found });

const isMeant = (
  { rule, file }: LintFinding,
  files: ReadonlyMap<string, SourceFile>,
  ignored: ReadonlySet<string>,
): boolean => ignored.has(rule) || disabledIn(files.get(file) ?? { text: "" }).has(rule);

const byPlace = (a: LintFinding, b: LintFinding): number =>
  compareBytes(a.file, b.file) || (a.line ?? 0) - (b.line ?? 0) || compareBytes(a.rule, b.rule);
