import { readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import ts from "typescript";

/** Absolute path of the repository, without a slash at the end. */
export const root = fileURLToPath(new URL("../..", import.meta.url)).replace(/\/$/, "");

const MADE = new Set(["node_modules", "dist", "out", "coverage", ".git", ".cache"]);

/** Every file of a folder of the repository that a person wrote; paths relative to the repository, sorted. */
export function filesUnder(folder: string): string[] {
  return readdirSync(join(root, folder), { withFileTypes: true })
    .filter(({ name }) => !MADE.has(name))
    .flatMap((entry) => (entry.isDirectory() ? filesUnder(join(folder, entry.name)) : [join(folder, entry.name)]))
    .sort();
}

export const read = (file: string): string => readFileSync(join(root, file), "utf8");

export const readJson = <T>(file: string): T => JSON.parse(read(file)) as T;

const parsed = new Map<string, readonly ts.Node[]>();

/** Every node of a TypeScript file, outermost first. */
export function nodesOf(file: string): readonly ts.Node[] {
  const known = parsed.get(file);
  if (known) return known;
  const nodes: ts.Node[] = [];
  const visit = (node: ts.Node): void => {
    nodes.push(node);
    ts.forEachChild(node, visit);
  };
  visit(ts.createSourceFile(file, read(file), ts.ScriptTarget.Latest, true));
  parsed.set(file, nodes);
  return nodes;
}

/** 1-based, as editors count. */
export const lineOf = (node: ts.Node): number =>
  node.getSourceFile().getLineAndCharacterOfPosition(node.getStart()).line + 1;

export interface Import {
  /** As written: "../errors.js", "node:fs". */
  readonly from: string;
  /** Nothing of it is left at run time. */
  readonly isTypeOnly: boolean;
  readonly isReExport: boolean;
}

/** Static imports, re-exports, and dynamic imports of a literal. */
export function importsOf(file: string): Import[] {
  return nodesOf(file).flatMap((node): Import[] => {
    if (ts.isImportDeclaration(node) && ts.isStringLiteral(node.moduleSpecifier))
      return [{ from: node.moduleSpecifier.text, isTypeOnly: isTypeImport(node.importClause), isReExport: false }];
    if (ts.isExportDeclaration(node) && node.moduleSpecifier && ts.isStringLiteral(node.moduleSpecifier))
      return [{ from: node.moduleSpecifier.text, isTypeOnly: node.isTypeOnly, isReExport: true }];
    if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) {
      const [target] = node.arguments;
      return target && ts.isStringLiteral(target) ? [{ from: target.text, isTypeOnly: false, isReExport: false }] : [];
    }
    return [];
  });
}

function isTypeImport(clause: ts.ImportClause | undefined): boolean {
  if (clause === undefined) return false;
  if (clause.phaseModifier === ts.SyntaxKind.TypeKeyword) return true;
  const bindings = clause.namedBindings;
  return (
    !clause.name &&
    !!bindings &&
    ts.isNamedImports(bindings) &&
    bindings.elements.every((element) => element.isTypeOnly)
  );
}

/** A relative import of a source file, as a path of the repository: "./exec.js" → "packages/core/src/process/exec.ts". */
export const targetOf = (file: string, { from }: Import): string | undefined =>
  from.startsWith(".") ? relative(root, join(root, file, "..", from)).replace(/\.js$/, ".ts") : undefined;

/** Members of a global that a file uses: `process.env` → "env"; the bare global → "". Locals of the same name do not count. */
export function membersUsed(file: string, global: string): Set<string> {
  const used = new Set<string>();
  for (const node of nodesOf(file)) {
    if (!ts.isIdentifier(node) || node.text !== global) continue;
    const { parent } = node;
    if (ts.isPropertyAccessExpression(parent) && parent.expression === node) used.add(parent.name.text);
    else if (isUse(node)) used.add("");
  }
  return used;
}

function isUse(node: ts.Identifier): boolean {
  const { parent } = node;
  const isName = (holder: ts.Node & { name?: ts.Node | undefined }) => holder.name === node;
  return !(
    ts.isPropertyAccessExpression(parent) ||
    ts.isQualifiedName(parent) ||
    ts.isTypeNode(parent) ||
    isName(parent)
  );
}

export const sources = filesUnder("packages").filter((file) => /^packages\/[^/]+\/src\/.*\.ts$/.test(file));
