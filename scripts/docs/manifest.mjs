// The page of the `dib` manifest, from the type that core reads it as.
import { readExports } from "./declarations.mjs";

export function renderManifest(declarations) {
  const items = readExports(declarations).flatMap((group) => group.items);
  const { members } = items.find(({ name }) => name === "ElementManifest");
  return `# The manifest of an element package

<!-- Written by scripts/docs from the type ElementManifest: npm run docs -->

The key \`dib\` of package.json says which elements a package has. It is read without running any code of the package, and
checked by a schema: an unknown key, a wrong value or another \`apiVersion\` is \`ELEMENT_MANIFEST_INVALID\` with the file and the key.

${members.map(renderKey).join("\n\n")}
`;
}

const renderKey = ({ name, isOptional, comment, example }) =>
  [
    `## ${name}`,
    "",
    `${isOptional ? "Optional" : "Required"}. ${comment}`,
    ...(example === "" ? [] : ["", "```json", example, "```"]),
  ].join("\n");
