import type { Given } from "../options.js";
import { changePackages } from "../packages/change.js";
import { findInstalled } from "../packages/choose-package.js";
import { readProjectState } from "../packages/conflicts.js";
import { readProjectPolicy } from "../packages/project.js";
import { openForChange } from "../packages/cut-off.js";
import { tellChange } from "../packages/tell-change.js";
import type { Terminal } from "../terminal.js";

/** Moves element packages, all without names, to the newest versions that the ranges allow. */
export async function update(terminal: Terminal, given: Given, written: readonly string[]): Promise<number> {
  const project = await openForChange(terminal);
  await readProjectPolicy(project); // one that can't be read refuses also what would change nothing
  const { graph } = await readProjectState(project.folder);
  const all = [...graph.packages.values()].map(({ name }) => name).sort();
  const names = written.length > 0 ? written.map((each) => findInstalled(each, graph)) : all;
  if (names.length === 0) {
    await tellChange(terminal, given, { command: "update", change: { changed: [], notes: [] } });
    return 0;
  }
  const change = await changePackages(terminal, {
    project,
    args: project.manager.update(names),
    packages: names,
    doing: `updating ${names.join(", ")} with ${project.manager.name}`,
  });
  await tellChange(terminal, given, { command: "update", change, manager: project.manager.name });
  return 0;
}
