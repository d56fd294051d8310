import type { Tree, TreeEntry } from "./tree-snapshot.mjs";

/** By path, `/` being the root of the tree. */
export interface TreeDiff {
  readonly added: Tree;
  readonly deleted: Tree;
  readonly changed: Readonly<Record<string, { readonly before: TreeEntry; readonly after: TreeEntry }>>;
}

export function diffTrees(before: Tree, after: Tree): TreeDiff {
  const onlyIn = (tree: Tree, other: Tree) =>
    Object.fromEntries(Object.entries(tree).filter(([path]) => other[path] === undefined));
  const changed = Object.entries(after).flatMap(([path, entry]) => {
    const old = before[path];
    return old === undefined || isSame(old, entry) ? [] : [[path, { before: old, after: entry }] as const];
  });
  return { added: onlyIn(after, before), deleted: onlyIn(before, after), changed: Object.fromEntries(changed) };
}

const isSame = (a: TreeEntry, b: TreeEntry) =>
  a.type === b.type && a.mode === b.mode && a.owner === b.owner && a.content === b.content;
