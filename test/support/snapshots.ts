/** What a build's tree held after its first and its last phase, for builds of the whole engine. */
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { diffTrees, type Tree } from "@dibjs/testkit";
import type { BuildFolder, BuildRequest } from "./real-build.js";
import type { RealRun } from "./test-difference.js";

const plugin = fileURLToPath(new URL("tree-snapshot.mjs", import.meta.url));
const snapshotsOf = ({ path }: BuildFolder) => join(path, "snapshots");

/** The request, for a build that takes them. */
export function withSnapshots(request: BuildRequest, folder: BuildFolder): BuildRequest {
  mkdirSync(snapshotsOf(folder), { recursive: true });
  const { env = {}, plugins = [] } = request;
  return {
    ...request,
    env: { ...env, DIB_TEST_SNAPSHOTS: snapshotsOf(folder) },
    plugins: [...plugins, plugin],
  };
}

export const snapshotOf = (folder: BuildFolder, when: "before" | "after"): Tree =>
  JSON.parse(readFileSync(join(snapshotsOf(folder), `${when}.json`), "utf8")) as Tree;

/** What the phases after root made of it. */
export const runOf = (folder: BuildFolder): RealRun => ({
  tree: diffTrees(snapshotOf(folder, "before"), snapshotOf(folder, "after")),
  out: join(folder.path, "out"),
});

/** What the root phase made of nothing. */
export const rootRunOf = (folder: BuildFolder): RealRun => ({
  tree: diffTrees({}, snapshotOf(folder, "before")),
  out: join(folder.path, "out"),
});
