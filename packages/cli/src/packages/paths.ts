/** Ways through a graph of who asks for whom. */
export interface PathNode {
  readonly name: string;
  readonly version: string | undefined;
  /** What the one before asks for; undefined at the start. */
  readonly range: string | undefined;
}

export interface Edge {
  /** Key of the node asked for. */
  readonly to: string;
  readonly range: string;
}

export interface Ways {
  /** Keys to begin from. */
  readonly roots: readonly string[];
  readonly edges: (key: string) => readonly Edge[];
  readonly node: (key: string) => Omit<PathNode, "range">;
}

const maxPaths = 100;

/** Every path from a root to the target without a circle, shortest first; a hundred at most. */
export function pathsTo(target: string, ways: Ways): readonly (readonly PathNode[])[] {
  const leading = nodesLeadingTo(target, ways);
  const found: (readonly PathNode[])[] = [];
  const walk = (key: string, range: string | undefined, path: readonly PathNode[], on: readonly string[]): void => {
    if (found.length >= maxPaths || on.includes(key) || !leading.has(key)) return;
    const here = [...path, { ...ways.node(key), range }];
    if (key === target) return void found.push(here);
    for (const edge of ways.edges(key)) walk(edge.to, edge.range, here, [...on, key]);
  };
  for (const root of ways.roots) walk(root, undefined, [], []);
  return found.sort((a, b) => a.length - b.length);
}

/** Only these are worth walking to: a large graph has more paths than anyone can wait for. */
function nodesLeadingTo(target: string, { roots, edges }: Ways): ReadonlySet<string> {
  const askers = new Map<string, string[]>();
  const seen = new Set(roots);
  for (const key of seen) {
    for (const { to } of edges(key)) {
      askers.set(to, [...(askers.get(to) ?? []), key]);
      seen.add(to); // sets grow while they are walked
    }
  }
  const leading = new Set([target]);
  for (const key of leading) for (const asker of askers.get(key) ?? []) leading.add(asker);
  return leading;
}

export const formatPath = (path: readonly PathNode[]): string =>
  path
    .map(({ name, version, range }) => {
      const label = version === undefined || version === "" ? name : `${name}@${version}`;
      return range === undefined || range === "*" ? label : `${label} (${range})`;
    })
    .join(" → ");
