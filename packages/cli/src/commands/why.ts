import type { Given } from "../options.js";
import { findInstalled } from "../packages/choose-package.js";
import { readProjectState, type ProjectState } from "../packages/conflicts.js";
import { readElementGraph } from "../packages/element-graph.js";
import type { PackageGraph } from "../packages/graph.js";
import { formatPath, pathsTo, type PathNode } from "../packages/paths.js";
import { openProject } from "../packages/project.js";
import { indent } from "../table.js";
import type { Terminal } from "../terminal.js";

/** Every path by which an element, or a package, comes into the project: through packages, and through elements of images. */
export async function why({ out }: Terminal, given: Given, [written = ""]: readonly string[]): Promise<number> {
  const project = await openProject(process.cwd());
  const state = await readProjectState(project.folder);
  const packageName = packageOf(written, state);
  const { elements, packagePaths } = pathsOfPackage(packageName, written, state.graph);
  const graph = await readElementGraph(state.catalog, state.images);
  const elementPaths = elements.flatMap((element) => pathsTo(element, graph));
  if (given.json === true) {
    const data = { name: written, package: packageName, elements, packagePaths, elementPaths };
    out.write((await import("../envelope.js")).formatData("why", data));
    return 0;
  }
  const section = (title: string, paths: readonly (readonly PathNode[])[]) =>
    paths.length === 0 ? [] : [out.colours.bold(title), ...indent(paths.map(formatPath))];
  const ref = state.catalog.refs.get(elements[0] ?? "");
  const nothing = ["nothing asks for it: it can be named because it is there"];
  const lines = [...section("Packages", packagePaths), ...section("Elements", elementPaths)];
  out.write(
    `${[`${written} ${ref?.version ?? ""} from ${packageName ?? ref?.source}`, ...(lines.length > 0 ? lines : nothing)].join("\n")}\n`,
  );
  return 0;
}

/** Undefined for an element without a package of the project: of a folder, or one that comes with dib. Throws PACKAGE_NOT_INSTALLED. */
function packageOf(written: string, { catalog, graph }: ProjectState): string | undefined {
  const ref = catalog.refs.get(written);
  if (ref !== undefined && ref.source !== "package") return undefined;
  return ref?.package?.name ?? findInstalled(written, graph);
}

function pathsOfPackage(
  packageName: string | undefined,
  written: string,
  graph: PackageGraph,
): { elements: readonly string[]; packagePaths: readonly (readonly PathNode[])[] } {
  const nodes = [...graph.packages.values()].filter(({ name }) => name === packageName);
  const own = nodes.flatMap(({ elements }) => elements);
  const elements = own.includes(written) || own.length === 0 ? [written] : own;
  const all = new Map([[graph.root.folder, graph.root], ...graph.packages]);
  const ways = {
    roots: [graph.root.folder],
    edges: (key: string) =>
      (all.get(key)?.asks ?? []).flatMap(({ folder, range }) => (folder === undefined ? [] : [{ to: folder, range }])),
    node: (key: string) => ({
      name: all.get(key)?.name ?? key,
      version: key === graph.root.folder ? undefined : all.get(key)?.version,
    }),
  };
  return { elements, packagePaths: nodes.flatMap(({ folder }) => pathsTo(folder, ways)) };
}
