import maxSatisfying from "semver/ranges/max-satisfying.js";
import validRange from "semver/ranges/valid.js";
import type { Given } from "../options.js";
import { fewAtOnce } from "../packages/at-once.js";
import { findInstalled } from "../packages/choose-package.js";
import { readProjectState } from "../packages/conflicts.js";
import { warnOfCutOff } from "../packages/cut-off.js";
import type { PackageGraph, PackageNode } from "../packages/graph.js";
import { openProject } from "../packages/project.js";
import { openPackageProgress } from "../packages/progress.js";
import { openRegistry, viewPackage, type RegistryAccess } from "../packages/registry.js";
import { sanitiseLine } from "../progress/sanitise.js";
import { formatTable } from "../table.js";
import type { Terminal } from "../terminal.js";

interface Standing {
  readonly package: string;
  readonly current: string;
  /** The newest that everyone who asks for the package agrees with: what `dib update` gives. */
  readonly wanted: string;
  readonly latest: string;
  readonly isOutdated: boolean;
}

/** Installed, wanted and latest versions of element packages. 1 when any is behind, as `npm outdated`. */
export async function outdated(terminal: Terminal, given: Given, names: readonly string[]): Promise<number> {
  await warnOfCutOff(terminal);
  const project = await openProject(process.cwd());
  const { graph } = await readProjectState(project.folder);
  const asked = new Set(names.map((name) => findInstalled(name, graph)));
  const nodes = [...graph.packages.values()].filter(({ name }) => asked.size === 0 || asked.has(name));
  const standings = await readStandings(terminal, nodes, graph, await openRegistry(project.folder));
  const known = new Set(standings.map((each) => each.package));
  const unknown = nodes.filter(({ name }) => !known.has(name)).map(({ name }) => sanitiseLine(name));
  if (unknown.length > 0) terminal.err.write(`note: not in the registry: ${unknown.sort().join(", ")}\n`);
  const behind = standings.filter(({ isOutdated }) => isOutdated);
  if (given.json === true)
    terminal.out.write((await import("../envelope.js")).formatData("outdated", { packages: standings }));
  else if (behind.length > 0) {
    const rows = behind.map((each) => [each.package, each.current, each.wanted, each.latest].map(sanitiseLine));
    terminal.out.write(`${formatTable([["Package", "Current", "Wanted", "Latest"], ...rows]).join("\n")}\n`);
  } else
    terminal.err.write(
      `${standings.length} of ${nodes.length} packages are known to the registry, and none is behind\n`,
    );
  return behind.length > 0 ? 1 : 0;
}

/** Packages that the registry does not know (folders, members of the workspace) are left out. */
async function readStandings(
  terminal: Terminal,
  nodes: readonly PackageNode[],
  graph: PackageGraph,
  access: RegistryAccess,
): Promise<readonly Standing[]> {
  using progress = openPackageProgress(terminal);
  if (nodes.length > 0) progress.doing(`asking the registry about ${nodes.length} packages`);
  const found = await fewAtOnce(nodes, async ({ name, version: current }) => {
    const entry = await viewPackage(name, access);
    if (entry === undefined) return [];
    const latest = entry.tags.latest ?? entry.version;
    const ranges = rangesFor(name, graph);
    const wanted = ranges.length === 0 ? latest : (wantedVersion(entry.versions, ranges) ?? current);
    return [{ package: name, current, wanted, latest, isOutdated: current !== wanted || current !== latest }];
  });
  return found.flat().sort((a, b) => (a.package < b.package ? -1 : 1));
}

const rangesFor = (name: string, { root, packages }: PackageGraph): readonly string[] =>
  [root, ...packages.values()].flatMap(({ asks }) =>
    asks.flatMap((ask) => (ask.name === name && validRange(ask.range) !== null ? [ask.range] : [])),
  );

function wantedVersion(versions: readonly string[], ranges: readonly string[]): string | undefined {
  const fitting = ranges.reduce<readonly string[]>(
    (left, range) => left.filter((version) => maxSatisfying([version], range) !== null),
    versions,
  );
  return maxSatisfying([...fitting], "*", { includePrerelease: true }) ?? undefined;
}
