// The page of error codes, from the catalogue in packages/core/src/errors.ts. The catalogue is read as source text, so
// that a message can be shown with the names of its values instead of made-up ones.
import ts from "typescript";

const exitCodes = { element: 1, request: 2, host: 3, fetch: 4, space: 5, policy: 6, cleanup: 7 };

/** docs/errors.md as text, from the text of errors.ts. */
export function renderErrors(source) {
  const file = ts.createSourceFile("errors.ts", source, ts.ScriptTarget.Latest, true);
  const sections = new Map();
  let section = "";
  for (const property of findCatalogue(file).properties) {
    const comment = ts.getLeadingCommentRanges(source, property.getFullStart())?.at(-1);
    // A `//` line starts a section; a doc comment is about its entry.
    if (comment?.kind === ts.SyntaxKind.SingleLineCommentTrivia)
      section = source.slice(comment.pos, comment.end).replace(/^\/\/\s*/, "");
    if (!sections.has(section)) sections.set(section, []);
    sections.get(section).push(describeEntry(property));
  }
  const parts = [...sections].map(([name, entries]) => `## ${name}\n\n${entries.join("\n\n")}\n`);
  return `${HEAD}\n${parts.join("\n")}`;
}

const HEAD = `# Error codes

<!-- Written by scripts/docs from packages/core/src/errors.ts: npm run docs -->

Every failure that a user can cause or cure has a code, a message with the values and the place, and most have a hint.
\`dib explain CODE\` prints an entry of this page. Words in \`<angle brackets>\` stand for values, text in [square brackets] is not always there.

Exit codes: ${Object.entries(exitCodes)
  .map(([kind, code]) => `${code} ${kind}`)
  .join(" · ")} · 70 a bug of ours · 128+N ended by signal N.
`;

function findCatalogue(file) {
  for (const statement of file.statements) {
    if (!ts.isVariableStatement(statement)) continue;
    const [declaration] = statement.declarationList.declarations;
    if (declaration.name.getText() === "catalogue") return unwrap(declaration.initializer);
  }
  throw new Error("errors.ts has no catalogue");
}

const unwrap = (node) =>
  ts.isAsExpression(node) || ts.isSatisfiesExpression(node) || ts.isParenthesizedExpression(node)
    ? unwrap(node.expression)
    : node;

function describeEntry(property) {
  const [kind, say] = property.initializer.arguments;
  const said = unwrap(say.body);
  const field = (name) => {
    const found = said.properties.find((each) => each.name?.getText() === name);
    if (!found) return "";
    return ts.isShorthandPropertyAssignment(found) ? `<${name}>` : tidy(render(found.initializer));
  };
  const hint = field("hint");
  const lines = [
    `### ${property.name.getText()}`,
    "",
    `Exit code ${exitCodes[kind.text]} (${kind.text}).`,
    "",
    "```text",
    field("message"),
    "```",
  ];
  if (hint) lines.push("", `Hint: ${hint.replaceAll("\n", " · ").replaceAll("<", "&lt;")}`);
  return lines.join("\n");
}

const tidy = (text) =>
  text
    .replace(/[ \t]+/g, " ")
    .replace(/ ([.,)])/g, "$1")
    .trim();

/** An expression that makes text, as the text a reader can expect. */
function render(node) {
  node = unwrap(node);
  if (ts.isStringLiteralLike(node)) return node.text;
  if (ts.isTemplateExpression(node))
    return node.head.text + node.templateSpans.map((span) => render(span.expression) + span.literal.text).join("");
  if (ts.isConditionalExpression(node)) return alternatives(render(node.whenTrue), render(node.whenFalse));
  if (ts.isBinaryExpression(node) && node.operatorToken.kind === ts.SyntaxKind.PlusToken)
    return render(node.left) + render(node.right);
  if (ts.isBinaryExpression(node)) return alternatives(render(node.left), render(node.right));
  if (ts.isPropertyAccessExpression(node)) return `<${node.name.text}>`;
  if (ts.isArrayLiteralExpression(node)) return node.elements.map(render).filter(Boolean).join(" ");
  if (ts.isCallExpression(node)) return renderCall(node);
  if (ts.isIdentifier(node)) return node.text === "undefined" ? "" : `<${node.text}>`;
  return "";
}

function renderCall(node) {
  const called = node.expression;
  if (ts.isIdentifier(called)) return called.text === "did" ? '[Did you mean "<nearest>"?]' : render(node.arguments[0]);
  if (ts.isPropertyAccessExpression(called)) {
    const owner = called.expression.getText();
    if (owner === "JSON" || owner === "Math") return named(node.arguments[0]);
    if (called.name.text === "map" && ts.isArrowFunction(node.arguments[0]) && !ts.isBlock(node.arguments[0].body)) {
      const list = unwrap(called.expression);
      // A list written out (the package managers) is shown whole; a list of the context once, as one line of it.
      return ts.isArrayLiteralExpression(list)
        ? list.elements
            .map((each) =>
              ts.isArrayLiteralExpression(each) ? `${render(each.elements[0])} <packages>` : render(each),
            )
            .join("\n")
        : render(node.arguments[0].body);
    }
    return render(called.expression);
  }
  return "";
}

const named = (node) => `<${node.getText().match(/\bc\.(\w+)/)?.[1] ?? "value"}>`;

function alternatives(one, other) {
  if (!one || !other) return one || other ? `[${one || other}]` : "";
  return `${one} | ${other}`;
}
