/** The testkit's part of the build, inside the worker: makes the tree, lets only some scripts run, and notes what happens. */
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { BuildError, isBuildError, type ElementHooks, type Env, type PhaseName, type PhaseRun } from "@dibjs/core";
import { layTree, type Layer } from "./fixture-tree.js";
import { diffTrees, snapshotTree, withTexts, type Tree, type TreeDiff } from "./snapshot.js";

/** What the front hands to the worker, as JSON. */
export interface WorkerRequest {
  readonly layers: readonly Layer[];
  /** The scripts of one phase, or those of all. */
  readonly phase?: PhaseName | undefined;
  /** Elements whose scripts run; undefined for all. */
  readonly running?: readonly string[] | undefined;
  /** Absolute folder for what is noted. */
  readonly notes: string;
}

/** What the worker notes. */
export interface Notes {
  readonly tree: TreeDiff;
  readonly environment: Readonly<Partial<Record<PhaseName, Env>>>;
}

/** The phases that a build has when no disk is made. */
export const phasesOfATree = [
  ...(["root", "extra-data", "pre-install", "install", "post-install", "post-root"] as const),
  ...(["pre-finalise", "finalise", "cleanup"] as const),
];

export function tapTestkit(hooks: ElementHooks, { layers, phase, running, notes }: WorkerRequest): void {
  const environment: Partial<Record<PhaseName, Env>> = {};
  let before: Tree = {};
  const takeBefore = async ({ target }: PhaseRun) => void (before = await snapshotTree(target.path));
  const note = async (root: string) => {
    const tree = await withTexts(diffTrees(before, await snapshotTree(root)), root);
    await writeFile(join(notes, "notes.json"), JSON.stringify({ tree, environment } satisfies Notes));
  };

  hooks.beforePhase.for("root").tapPromise((run) => layTree(layers, run));
  hooks.script.tap(({ element, run }) => {
    const runs = (phase ?? run.phase.name) === run.phase.name && (running?.includes(element) ?? true);
    return runs ? undefined : "skipped";
  });
  for (const name of phasesOfATree.filter((each) => (phase ?? each) === each))
    hooks.beforePhase.for(name).tap(({ env }) => void (environment[name] = env));

  hooks.beforePhase.for(phase ?? "root").tapPromise(takeBefore);
  if (phase === undefined) {
    hooks.format.for("tar").tapPromise(({ root }) => note(root).then(() => undefined), { stage: -1 });
    return;
  }
  hooks.afterPhase.for(phase).tapPromise(async ({ target }) => {
    await note(target.path);
    throw new BuildError("BUILD_INTERRUPTED", { signal: enough, stage: phase });
  });
}

const enough = "the testkit, which has what it wants";

/** After its one phase, nothing of a build is left to see: it ends there. */
export function ignoreEnough(error: unknown): void {
  if (!isBuildError(error) || (error.context as { signal?: unknown }).signal !== enough) throw error;
}

/** Written as a module of its own, since a worker is told what to load by path. */
export async function writePlugin(folder: string, request: WorkerRequest): Promise<string> {
  await mkdir(request.notes, { recursive: true });
  const path = join(folder, "testkit-plugin.mjs");
  const lines = [
    `import { tapTestkit } from ${JSON.stringify(import.meta.url)};`,
    `export default (hooks) => tapTestkit(hooks, ${JSON.stringify(request)});`,
  ];
  await writeFile(path, `${lines.join("\n")}\n`);
  return path;
}

export const readNotes = async (folder: string): Promise<Notes> =>
  JSON.parse(await readFile(join(folder, "notes.json"), "utf8")) as Notes;
