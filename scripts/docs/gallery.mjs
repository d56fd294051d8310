// The gallery, from the manifests of packages: each element with its package, what it does, needs and provides.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

export function renderGallery(packagesDir) {
  const packages = readdirSync(packagesDir)
    .map((folder) => join(packagesDir, folder))
    .filter((folder) => existsSync(join(folder, "package.json")))
    .map((folder) => ({ folder, ...JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) }))
    .filter(({ keywords }) => keywords?.includes("dib-element"));
  return `# Elements

<!-- Written by scripts/docs from the manifests of the packages: npm run docs -->

These come with \`dib\`. Others are on npm under the keyword \`dib-element\`: \`dib search WORD\` finds them, \`dib add NAME\`
installs one, and \`dib info NAME\` shows all of its README.

${packages.map(renderPackage).join("\n\n")}
`;
}

function renderPackage({ name, version, description, folder, dib }) {
  const rows = Object.entries(dib.elements).map(([element, path]) => {
    const at = join(folder, path);
    const readme = readFileSync(join(at, "README.md"), "utf8");
    return `| [${element}](../packages/${folder.split("/").at(-1)}/${path.replace(/^\.\//, "")}/README.md) | ${summaryOf(readme)} | ${wordsOf(join(at, "element-deps"))} | ${providesOf(element, dib, at)} |`;
  });
  return `## ${name} ${version}

${description}

| element | does | needs | provides |
| --- | --- | --- | --- |
${rows.join("\n")}`;
}

/** The first paragraph of the section "What it does", which every README of ours begins with. */
function summaryOf(readme) {
  const [, text = ""] = /^## What it does\n+([\s\S]*?)(?:\n\n|$)/m.exec(readme) ?? [];
  return text.replace(/\s+/g, " ").replaceAll("|", "\\|").replace(/:$/, ".");
}

const wordsOf = (file) =>
  existsSync(file)
    ? readFileSync(file, "utf8")
        .split("\n")
        .map((line) => line.replace(/#.*/, "").trim())
        .filter(Boolean)
        .join(", ")
    : "";

const providesOf = (element, { provides }, at) =>
  [...(provides?.[element] ?? []), ...wordsOf(join(at, "element-provides")).split(", ").filter(Boolean)].join(", ");
