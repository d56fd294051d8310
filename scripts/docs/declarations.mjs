// What a package exports, as its declaration files have it: signatures with their doc comments, and no code.
import ts from "typescript";

/**
 * The exports of a declaration file in the order of its lines: name, doc comment and declaration, grouped by the module
 * that declares them.
 */
export function readExports(file) {
  const program = ts.createProgram([file], { module: ts.ModuleKind.NodeNext, skipLibCheck: true, types: ["node"] });
  const checker = program.getTypeChecker();
  const source = program.getSourceFile(file);
  const groups = new Map();
  for (const exported of checker.getExportsOfModule(checker.getSymbolAtLocation(source))) {
    const symbol = exported.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(exported) : exported;
    const [declaration] = symbol.declarations ?? [];
    if (declaration === undefined) continue;
    const module = declaration.getSourceFile().fileName.replace(/\.d\.m?ts$/, "");
    if (!groups.has(module)) groups.set(module, []);
    groups.get(module).push({ name: exported.name, ...describe(declaration, symbol, checker) });
  }
  return [...groups].map(([module, items]) => ({ module, items }));
}

function describe(declaration, symbol, checker) {
  const statement = ts.isVariableDeclaration(declaration) ? declaration.parent.parent : declaration;
  return {
    comment: ts.displayPartsToString(symbol.getDocumentationComment(checker)),
    text: statement.getText().replace(/^export (declare )?/, ""),
    members: ts.isInterfaceDeclaration(declaration)
      ? declaration.members.map((each) => describeMember(each, checker))
      : [],
  };
}

function describeMember(member, checker) {
  const symbol = checker.getSymbolAtLocation(member.name);
  const tag = ts.getJSDocTags(member).find(({ tagName }) => tagName.text === "example");
  return {
    name: member.name.getText(),
    isOptional: member.questionToken !== undefined,
    comment: symbol === undefined ? "" : ts.displayPartsToString(symbol.getDocumentationComment(checker)),
    example: tag === undefined ? "" : String(ts.getTextOfJSDocComment(tag.comment) ?? ""),
  };
}
