import type { ElementRule, Found } from "../rule.js";
import type { LintSource, SourceElement } from "../source.js";

/** What a README.md of an element has, in this order. */
export const readmeHeadings = ["What it does", "Options", "Environment", "Phases", "Requires"];

export const readmeRules: readonly ElementRule[] = [
  { name: "readme", check: (element, source) => (readmeOf(element, source) === undefined ? [missing(source)] : []) },
  {
    name: "readme-headings",
    check: (element, source) => {
      const readme = readmeOf(element, source);
      return readme === undefined || !readme.path.endsWith(".md") ? [] : wrongHeadings(readme);
    },
  },
  {
    name: "mddocs",
    in: "folder",
    check: ({ files }) =>
      files.some(({ inElement }) => inElement === "README.rst")
        ? files
            .filter(({ path }) => path.endsWith(".md"))
            .map(({ path }) => ({ file: path, message: "is Markdown, beside a README.rst", hint: "Keep to one form." }))
        : [],
  },
];

const missing = (source: LintSource): Found => ({
  message: "lacks a README",
  hint: source.package === undefined ? "Write README.rst, or README.md." : "Write README.md.",
});

/** The element's own; the package's will do when it has one element only. */
function readmeOf({ files }: SourceElement, { package: found, elements, readme }: LintSource) {
  const named = (name: string) => files.find(({ inElement, kind }) => inElement === name && kind === "file");
  const own = named("README.md") ?? (found === undefined ? named("README.rst") : undefined);
  return own ?? (elements.length === 1 ? readme : undefined);
}

function wrongHeadings({ path, text }: { readonly path: string; readonly text: string }): Found[] {
  const found = [...text.replace(/^```[\s\S]*?^```/gm, "").matchAll(/^## (.+?)\s*$/gm)].map(([, title]) => title);
  const isRight =
    readmeHeadings.join("\n") === found.filter((title) => readmeHeadings.includes(title ?? "")).join("\n");
  return isRight
    ? []
    : [
        {
          file: path,
          message: `has the headings ${found.join(", ") || "of nobody"}`,
          hint: `Second-level headings, in this order: ${readmeHeadings.join(", ")}.`,
        },
      ];
}
