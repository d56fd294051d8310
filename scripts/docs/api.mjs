// The page of a package's API, from its declarations.
import { basename } from "node:path";
import { readExports } from "./declarations.mjs";

/** `elsewhere`: names that have a page of their own. */
export function renderApi({ name, about, declarations, elsewhere = [] }) {
  const sections = readExports(declarations).map(({ module, items }) => {
    const shown = items.filter((item) => !elsewhere.includes(item.name));
    return `## ${basename(module)}\n\n${shown.map(renderItem).join("\n\n")}`;
  });
  return `# ${name}

<!-- Written by scripts/docs from the types: npm run docs -->

${about}

${sections.join("\n\n")}
`;
}

const renderItem = ({ name, comment, text }) =>
  [`### ${name}`, ...(comment === "" ? [] : ["", comment]), "", "```ts", text, "```"].join("\n");
