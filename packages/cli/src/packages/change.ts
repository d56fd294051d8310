/** A change of the project's packages, which holds altogether or not at all. */
import { access, writeFile } from "node:fs/promises";
import { join } from "node:path";
import {
  BuildError,
  boundRegistry,
  checkRegistries,
  createExec,
  readPackageLock,
  readPolicy,
  throwFindings,
  type LockedPackage,
  type Policy,
} from "@dibjs/core";
import { listenForInterrupts, type Interrupts } from "../signals.js";
import type { Terminal } from "../terminal.js";
import { readProjectState, withAllAskers, type ProjectState } from "./conflicts.js";
import { diffPackages, type ChangedPackage } from "./lock-diff.js";
import type { Project } from "./project.js";
import { openPackageProgress, type PackageProgress } from "./progress.js";
import { findTooNew } from "./release-ages.js";
import { runManager } from "./run-manager.js";
import { takeSnapshot } from "./snapshot.js";

export interface ChangeRequest {
  readonly project: Project;
  /** For the package manager. */
  readonly args: readonly string[];
  readonly packages: readonly string[];
  /** What the progress says: `adding motd with npm`. */
  readonly doing: string;
  /** Throws when the outcome is not what was meant. */
  readonly check?: (state: ProjectState) => Promise<void>;
}

export interface Change {
  readonly changed: readonly ChangedPackage[];
  readonly notes: readonly string[];
}

/** Any failure, and Ctrl-C, leaves package.json, lock file and node_modules as they were. */
export async function changePackages(terminal: Terminal, request: ChangeRequest): Promise<Change> {
  const { project, args, packages, check } = request;
  const policy = await readPolicy(project.folder);
  using interrupts = listenForInterrupts((text) => terminal.err.write(`${text}\n`));
  using progress = openPackageProgress(terminal);
  await using snapshot = await takeSnapshot(project, createExec(), () =>
    terminal.err.write("note: an earlier change was cut off; the packages are as they were before it\n"),
  );
  const before = await readProjectState(project.folder);
  const locked = await readPackageLock(project.folder);
  await createPackageJson(project.folder);
  progress.doing(request.doing);
  await runManager({ project, args, packages, policy, signal: interrupts.signal }).catch((error: unknown) => {
    throw withAllAskers(error, before.graph);
  });

  const changed = diffPackages(locked?.packages ?? [], (await readPackageLock(project.folder))?.packages ?? []);
  await checkPolicy({ policy, changed, project, progress, interrupts });
  const state = await readProjectState(project.folder);
  await check?.(state);
  // What could not go together before is not this change's doing, and may take several to cure.
  const known = new Set(before.conflicts.map(({ message }) => message));
  throwFindings(state.conflicts.filter(({ message }) => !known.has(message)));
  const { signal } = interrupts;
  if (signal.aborted)
    throw new BuildError("BUILD_INTERRUPTED", { signal: String(signal.reason), stage: request.doing });
  snapshot.keepChange();
  return { changed, notes: state.notes };
}

/** npm goes up to a folder that has one, if this one does not. */
async function createPackageJson(folder: string): Promise<void> {
  const file = join(folder, "package.json");
  await access(file).catch(() => writeFile(file, '{\n  "private": true\n}\n'));
}

interface PolicyCheck {
  readonly policy: Policy;
  readonly changed: readonly ChangedPackage[];
  readonly project: Project;
  readonly progress: PackageProgress;
  readonly interrupts: Interrupts;
}

async function checkPolicy({ policy, changed, project, progress, interrupts }: PolicyCheck): Promise<void> {
  const fresh: readonly LockedPackage[] = changed.flatMap(({ now }) => now);
  throwFindings(checkRegistries(policy, fresh, (name) => configuredRegistry(project, policy, name)));
  if (policy.minimumReleaseAge > 0) progress.doing("asking the registry when the new packages were published");
  const registry = { folder: project.folder, policy, signal: interrupts.signal, answers: new Map() };
  throwFindings(await findTooNew(policy, fresh, registry));
}

/** The package manager was told the registry of the scope, if it can be told. */
const configuredRegistry = ({ manager }: Project, policy: Policy, name: string): string =>
  (manager.scopeOption === undefined ? undefined : boundRegistry(policy, name)) ??
  "a place that the lock file does not name";
