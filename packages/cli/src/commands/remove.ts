import { BuildError } from "@dibjs/core";
import type { Given } from "../options.js";
import { changePackages } from "../packages/change.js";
import { findInstalled } from "../packages/choose-package.js";
import { readProjectState } from "../packages/conflicts.js";
import { chains, type PackageGraph } from "../packages/graph.js";
import { readProjectPolicy } from "../packages/project.js";
import { openForChange } from "../packages/cut-off.js";
import { tellChange } from "../packages/tell-change.js";
import type { Terminal } from "../terminal.js";

/** Takes element packages, named in full, in short or by an element, out of the project. */
export async function remove(terminal: Terminal, given: Given, written: readonly string[]): Promise<number> {
  const project = await openForChange(terminal);
  await readProjectPolicy(project); // one that can't be read refuses also what would change nothing
  const { graph } = await readProjectState(project.folder);
  const names = written.map((each) => findInstalled(each, graph));
  const direct = new Set(graph.root.asks.map(({ name }) => name));
  for (const name of names.filter((each) => !direct.has(each))) throw notDirect(name, graph);
  const change = await changePackages(terminal, {
    project,
    args: project.manager.remove(names),
    packages: names,
    doing: `removing ${names.join(", ")} with ${project.manager.name}`,
  });
  await tellChange(terminal, given, { command: "remove", change, removed: names, manager: project.manager.name });
  return 0;
}

function notDirect(name: string, graph: PackageGraph): BuildError {
  const folder = [...graph.packages.values()].find((node) => node.name === name)?.folder ?? "";
  const by = chains(graph).get(folder)?.at(-2) ?? "another package";
  return new BuildError("USAGE_INVALID", {
    reason: `${name} is not asked for by the project itself, but by ${by}.`,
    hint: `Remove what needs it. dib why ${name} shows every path.`,
  });
}
