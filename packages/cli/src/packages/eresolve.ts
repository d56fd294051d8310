/**
 * npm's report of a conflict, as it prints it: blocks that begin with a package and go on with who asks for it, each
 * asker followed, further in, by who asks for that.
 *
 *   Conflicting peer dependency: base@2.0.0
 *   node_modules/base
 *     peer base@"^2.0.0" from b@1.0.0
 *     node_modules/b
 *       b@"*" from the root project
 */
export interface Asker {
  readonly by: readonly string[];
  readonly range: string;
}

export interface NpmConflict {
  readonly package: string;
  readonly version: string | undefined;
  readonly askers: readonly Asker[];
}

interface ReportedAsk {
  readonly depth: number;
  readonly name: string;
  readonly range: string;
  readonly from: string;
}

/** Undefined when the text is no such report. */
export function parseConflict(text: string): NpmConflict | undefined {
  const lines = text.split("\n").map((line) => line.replace(/^npm (error|ERR!) ?(ERESOLVE )?/, ""));
  const found = /^(?:Found|Conflicting peer dependency): (@?[^@\s]+)@(\S+)/;
  const names = lines.flatMap((line) => found.exec(line) ?? []);
  const [, name, version] = names;
  if (name === undefined) return undefined;
  const edges = lines.flatMap((line) => askOf(line) ?? []);
  const askers = edges.flatMap((edge, index) =>
    edge.name === name ? [{ range: edge.range, by: chainFrom(edges, index) }] : [],
  );
  const distinct = new Map(askers.map((asker) => [`${asker.range} ${asker.by.join(" ")}`, asker]));
  return { package: name, version, askers: [...distinct.values()] };
}

function askOf(line: string): ReportedAsk | undefined {
  const [, indent = "", name, range, from] =
    /^(\s*)(?:(?:peer|dev|optional|peerOptional) )*(@?[^@\s]+)@"([^"]*)" from (.+)$/.exec(line) ?? [];
  if (name === undefined || range === undefined || from === undefined) return undefined;
  return { depth: indent.length, name, range, from: from.trim() === "the root project" ? "this project" : from.trim() };
}

/** Who asks, from the project on: lines further in say who brought the asker. */
function chainFrom(edges: readonly ReportedAsk[], index: number): readonly string[] {
  const chain: string[] = [];
  let depth = -1;
  for (const edge of edges.slice(index)) {
    if (edge.depth <= depth) break;
    if (chain.length > 0 && !chain[0]?.startsWith(`${edge.name}@`)) break;
    chain.unshift(edge.from);
    depth = edge.depth;
  }
  return chain;
}
