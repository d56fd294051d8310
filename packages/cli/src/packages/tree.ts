import type { ElementGraph } from "./element-graph.js";

/** Lines of a tree of elements with their versions and ranges; what was shown above is only named. */
export function formatTree(graph: ElementGraph, note: (name: string) => string): readonly string[] {
  const shown = new Set<string>();
  const below = (key: string, indent: string): readonly string[] => {
    const edges = graph.edges(key);
    return edges.flatMap(({ to, range }, index) => {
      const isLast = index === edges.length - 1;
      const line = `${indent}${isLast ? "└─ " : "├─ "}${label(to, range)}`;
      return [...visit(to, line, `${indent}${isLast ? "   " : "│  "}`)];
    });
  };
  const label = (key: string, range: string): string => {
    const { name, version } = graph.node(key);
    const asked = range === "*" ? "" : ` (${range})`;
    const providers = graph.missing.get(key);
    if (providers === undefined) return `${name} ${version ?? ""}${asked}${note(name)}`;
    return `${name}${asked}, ${providers.length === 0 ? "not installed" : `provided by ${providers.join(" or ")}`}`;
  };
  const visit = (key: string, line: string, indent: string): readonly string[] => {
    const isKnown = shown.has(key) && graph.edges(key).length > 0;
    shown.add(key);
    return isKnown ? [`${line} …`] : [line, ...below(key, indent)];
  };
  return graph.roots.flatMap((key) => {
    const { name, version } = graph.node(key);
    return visit(key, version === undefined ? name : `${name} ${version}${note(name)}`, "");
  });
}
