import { loadConfig } from "@dibjs/core";
import { toLoadRequest, type Given } from "../options.js";
import { readElementGraph } from "../packages/element-graph.js";
import { formatTree } from "../packages/tree.js";
import type { Terminal } from "../terminal.js";
import { findElements } from "./elements.js";

/** Images and the elements below them; without a config, elements that no other asks for and what is below those. */
export async function elementsTree({ out }: Terminal, given: Given): Promise<number> {
  const { images } = await loadConfig(await toLoadRequest([], given));
  const catalog = await findElements(given);
  const graph = await readElementGraph(catalog, images);
  if (given.json === true) {
    const keys = new Set(graph.roots);
    for (const key of keys) for (const { to } of graph.edges(key)) keys.add(to);
    const nodes = [...keys].map((key) => ({
      ...graph.node(key),
      package: catalog.refs.get(key)?.package?.name,
      providers: graph.missing.get(key),
      asks: graph.edges(key).map(({ to, range }) => ({ name: to, range })),
    }));
    out.write((await import("../envelope.js")).formatData("elements", { roots: graph.roots, nodes }));
    return 0;
  }
  const note = (name: string) => {
    const ref = catalog.refs.get(name);
    return ref === undefined ? "" : out.colours.dim(`  ${ref.package?.name ?? ref.source}`);
  };
  for (const line of formatTree(graph, note)) out.write(`${line}\n`);
  return 0;
}
