import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { BuildReport } from "@dibjs/core";
import type { TreeDiff, TreeEntry } from "@dibjs/testkit";
import { expect, test } from "vitest";

/** A real build with elements. */
export interface RealRun {
  /** What it made of the tree. */
  readonly tree: TreeDiff;
  /** The folder that holds image.report.json. */
  readonly out: string;
}

/** By path in the image. Of an entry only what is named here counts. */
export interface ExpectedDifference {
  readonly added?: Readonly<Record<string, Partial<TreeEntry>>>;
  readonly changed?: Readonly<Record<string, { readonly after: Partial<TreeEntry> }>>;
  readonly deleted?: Readonly<Record<string, Partial<TreeEntry>>>;
}

/**
 * One test: the element was in the run, and the tree differs by what it is there for. Every element of ours has one; a
 * house test sees to that, so name and paths are written out where this is called. `run` is asked when the test runs.
 */
export function testDifference(
  element: string,
  title: string,
  run: () => RealRun | Promise<RealRun>,
  expected: ExpectedDifference,
): void {
  test(`${element}: ${title}`, async () => {
    const { tree, out } = await run();
    const { elements } = JSON.parse(await readFile(join(out, "image.report.json"), "utf8")) as BuildReport;
    expect(elements.map(({ name }) => name)).toContain(element);
    expect(tree).toMatchObject(expected);
  });
}

/** A file of root that anybody may read, unless the mode says otherwise. */
export const fileOf = (text: string, mode = 0o644): Partial<TreeEntry> => ({
  kind: "file",
  mode,
  owner: "0:0",
  digest: createHash("sha256").update(text).digest("hex"),
});
