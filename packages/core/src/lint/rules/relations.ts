import type { ElementRelations } from "../../elements/element.js";
import { isPackageList } from "../../phases/order.js";
import type { ElementRule } from "../rule.js";
import { shebangOf, type LintSource, type SourceElement, type SourceFile } from "../source.js";

interface Use {
  /** The element that makes something of it. */
  readonly element: string;
  readonly isIn: (file: SourceFile) => boolean;
}

/** Files that are nothing without another element, and commands that another element brings. */
const uses: readonly Use[] = [
  {
    element: "package-installs",
    isIn: ({ inElement }) =>
      /^package-installs\.(yaml|json)$/.test(inElement) ||
      isPackageList(/^install\.d\/([^/]+)$/.exec(inElement)?.[1] ?? ""),
  },
  { element: "pkg-map", isIn: ({ inElement }) => inElement === "pkg-map" },
  { element: "svc-map", isIn: ({ inElement }) => inElement === "svc-map" },
  { element: "source-repositories", isIn: ({ inElement }) => /^source-repository-[^/]+$/.test(inElement) },
  { element: "install-static", isIn: ({ inElement }) => inElement.startsWith("static/") },
  { element: "dib-init-system", isIn: ({ inElement }) => inElement.startsWith("init-scripts/") },
  { element: "modprobe", isIn: ({ inElement }) => inElement.startsWith("modprobe.d/") },
  { element: "dib-python", isIn: (file) => /dib-python/.test(shebangOf(file)) },
  { element: "cache-url", isIn: (file) => shebangOf(file) !== "" && runs(file, "cache-url") },
];

const runs = ({ lines, path }: SourceFile, command: string): boolean =>
  !path.includes("/bin/") && lines.some((line) => new RegExp(`^\\s*(\\S*/)?${command}\\s`).test(line));

export const relationRules: readonly ElementRule[] = [
  {
    name: "undeclared",
    check: (element, source) =>
      undeclared(element, source).map(({ name, file }) => ({
        file,
        message: `is for the element ${name}, which nobody asks for`,
        hint: `Name ${name} in ${source.package === undefined ? "element-deps" : '"requires"'}.`,
      })),
  },
];

/** Elements whose work is counted on and that are not among what this one asks for, or that asks for. */
export function undeclared(element: SourceElement, source: Pick<LintSource, "elements" | "known">) {
  const closure = closureOf(element, source);
  if (closure === undefined) return [];
  return uses.flatMap(({ element: name, isIn }): { readonly name: string; readonly file: string }[] => {
    const file = element.files.find((each) => each.kind === "file" && isIn(each));
    return file === undefined || closure.has(name) ? [] : [{ name, file: file.path }];
  });
}

/** Undefined when somebody on the way is not known: what it brings can't be said. */
function closureOf(
  { name, relations }: SourceElement,
  { elements, known }: Pick<LintSource, "elements" | "known">,
): ReadonlySet<string> | undefined {
  if (relations === undefined || known.size === 0) return undefined;
  const own = new Map(elements.map((each) => [each.name, each.relations]));
  const provided = new Set([...known.values()].flatMap(({ provides }) => provides));
  const reached = new Set([name]);
  const queue: ElementRelations[] = [relations];
  for (let at = queue.pop(); at !== undefined; at = queue.pop()) {
    for (const { name: next } of at.dependencies) {
      if (reached.has(next)) continue;
      reached.add(next);
      const found = own.get(next) ?? known.get(next);
      if (found !== undefined) queue.push(found);
      else if (!provided.has(next)) return undefined;
    }
  }
  return reached;
}
