import type { ElementHooks } from "@dibjs/core";

export interface TreeEntry {
  readonly type: string;
  /** Four octal digits. */
  readonly mode: string;
  /** UID:GID */
  readonly owner: string;
  /** sha256 of a file, target of a link, number of a device. */
  readonly content?: string;
}

export type Tree = Readonly<Record<string, TreeEntry>>;

export function snapshotTree(root: string): Promise<Tree>;
export default function tapSnapshots(hooks: ElementHooks): void;
