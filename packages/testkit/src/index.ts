/** The public API of @dibjs/testkit: each name listed. */
export { assertAdded, assertChanged, assertDeleted, assertEnvironment, assertRan } from "./assert.js";
export type { ExpectedEntry, ExpectedEnvironment } from "./check.js";
export type { FixtureFile, FixtureFiles } from "./fixture-files.js";
export type { FixtureTree } from "./fixture-tree.js";
export {
  runElement,
  runPhase,
  type ElementRequest,
  type ElementRun,
  type LogLine,
  type PhaseRequest,
  type ScriptThatRan,
} from "./run.js";
export { diffTrees, snapshotTree, type EntryKind, type Tree, type TreeDiff, type TreeEntry } from "./snapshot.js";
