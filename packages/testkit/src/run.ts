/**
 * Runs an element by a real build: core's own phases, hooks, environment and chroot, on a tree that is given instead of
 * an operating system. Nothing is mocked, so it needs what a build needs: root (or sudo) and Linux.
 */
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import {
  BuildError,
  buildImage,
  loadConfig,
  phaseNames,
  type BuildConfig,
  type BuildEvent,
  type Env,
  type Flags,
  type PhaseName,
} from "@dibjs/core";
import { findElement, type ElementUnderTest } from "./element-under-test.js";
import { layersOf, programsOf, type FixtureTree, type Layer } from "./fixture-tree.js";
import type { TreeDiff } from "./snapshot.js";
import { ignoreEnough, phasesOfATree, readNotes, writePlugin } from "./worker.js";

export interface ElementRequest {
  /** Name of an element of the project, or path of an element's folder. */
  readonly element: string;
  /** What it runs on. @default "tiny" */
  readonly tree?: FixtureTree;
  /** The element's options, as a config file holds them. */
  readonly options?: unknown;
  /** Variables for scripts. Nothing of the caller's own environment is passed on. */
  readonly env?: Env;
  /** More elements, whose scripts run too. @default [] */
  readonly with?: readonly string[];
  /** Whether the scripts of all other elements that are needed run; their environment counts always. @default "skip" */
  readonly dependencies?: "run" | "skip";
  /** Names that the tree stands for, so that the elements of those names are left out: `["debian"]`. */
  readonly provides?: readonly string[];
  /** Where element packages are looked for, and where relative paths start. @default the working directory */
  readonly project?: string;
  /** Folders of plain elements. */
  readonly elementPaths?: readonly string[];
  /** Folders of element packages that are not installed in the project. */
  readonly packages?: readonly string[];
  /** Settings of the build by their names in a config file, for example `{ arch: "arm64" }`. */
  readonly settings?: Flags;
  /** An empty folder to work in, which stays: the finished tree is in `out/image.tar`. @default a scratch folder */
  readonly folder?: string;
}

export interface PhaseRequest extends ElementRequest {
  /** The one phase whose scripts run. */
  readonly phase: PhaseName;
}

export interface ScriptThatRan {
  readonly phase: PhaseName;
  readonly element: string;
  readonly name: string;
}

export interface LogLine extends ScriptThatRan {
  readonly stream: "stdout" | "stderr";
  readonly text: string;
}

export interface ElementRun {
  /** What differs in the tree: after the phase, or in the finished image. */
  readonly tree: TreeDiff;
  /** What scripts see, environment.d included, by phase. */
  readonly environment: Readonly<Partial<Record<PhaseName, Env>>>;
  /** Scripts and TypeScript steps in the order they ran. */
  readonly scripts: readonly ScriptThatRan[];
  /** What they wrote. */
  readonly log: readonly LogLine[];
  readonly events: readonly BuildEvent[];
}

/** Runs the scripts of all phases in order. Throws what a build throws: SCRIPT_FAILED, HOST_TOOL_MISSING, … */
export const runElement = (request: ElementRequest): Promise<ElementRun> => run(request, undefined);

/** Runs the scripts of one phase; those of the others are skipped, their environment is as in a build. */
export const runPhase = (request: PhaseRequest): Promise<ElementRun> => run(request, request.phase);

async function run(request: ElementRequest, phase: PhaseName | undefined): Promise<ElementRun> {
  if (phase !== undefined) checkPhase(phase);
  const folder = request.folder ?? (await mkdtemp("/var/tmp/dib-testkit-"));
  try {
    for (const name of ["out", "home", "tmp"]) await mkdir(join(folder, name), { recursive: true });
    const events: BuildEvent[] = [];
    const config = await configOf(request, phase, folder);
    await buildImage(config, { onEvent: (event) => void events.push(event) }).catch(ignoreEnough);
    return { ...(await readNotes(join(folder, "notes"))), scripts: scriptsOf(events), log: logOf(events), events };
  } finally {
    if (request.folder === undefined) await rm(folder, { recursive: true, force: true });
  }
}

function checkPhase(phase: PhaseName): void {
  if ((phasesOfATree as readonly string[]).includes(phase)) return;
  const reason = phaseNames.includes(phase)
    ? `The phase ${phase} needs a disk, and a test has a tree only.`
    : `There is no phase "${phase}".`;
  throw new BuildError("USAGE_INVALID", { reason, hint: `Phases: ${phasesOfATree.join(", ")}.` });
}

/** Stands for the operating system. */
const fixture = "testkit-tree";

async function configOf(request: ElementRequest, phase: PhaseName | undefined, folder: string): Promise<BuildConfig> {
  const project = resolve(request.project ?? ".");
  const element = await findElement(request.element, project);
  const layers = layersOf(request.tree ?? "tiny", project);
  await writeFixture(join(folder, "elements", fixture), request.provides ?? [], layers);
  const asked = [fixture, element.name, ...(request.with ?? [])];
  const config = await loadOne(request, element, asked, folder);
  const running = request.dependencies === "run" ? undefined : asked;
  const plugin = await writePlugin(folder, { layers, phase, running, notes: join(folder, "notes") });
  const options = request.options === undefined ? {} : { [element.name]: request.options };
  return { ...config, projectDir: element.projectDir, plugins: [plugin], options };
}

/** Reads no config file, and nothing of the environment: a test should do the same everywhere. */
async function loadOne(
  { env = {}, elementPaths = [], packages = [], settings = {}, project = "." }: ElementRequest,
  element: ElementUnderTest,
  elements: readonly string[],
  folder: string,
): Promise<BuildConfig> {
  const { images } = await loadConfig({
    cwd: folder,
    dropIn: true,
    allEnvironment: false,
    elements,
    elementPaths: [
      join(folder, "elements"),
      ...element.elementPaths,
      ...elementPaths.map((path) => resolve(project, path)),
    ],
    bundled: packages.map((path) => resolve(project, path)),
    flags: {
      base: false,
      formats: ["tar"],
      output: join(folder, "out/image"),
      cacheDir: join(folder, "cache"),
      layers: "none",
      tmpDir: join(folder, "tmp"),
      ...settings,
    },
    env: { HOME: join(folder, "home"), ...env },
    variables: Object.keys(env),
  });
  const [config] = images;
  if (config === undefined) throw new Error("no image was asked for");
  return config;
}

/** An element with a manifest, so that what its tree is made with is checked like any tool that a build needs. */
async function writeFixture(folder: string, provides: readonly string[], layers: readonly Layer[]): Promise<void> {
  await mkdir(folder, { recursive: true });
  const dib = {
    apiVersion: 1,
    elements: { [fixture]: "." },
    provides: { [fixture]: ["operating-system", ...provides] },
    hostCommands: layers.flatMap(programsOf),
  };
  await writeFile(join(folder, "package.json"), JSON.stringify({ name: fixture, version: "1.0.0", dib }));
}

const scriptsOf = (events: readonly BuildEvent[]): ScriptThatRan[] =>
  events.flatMap((event) =>
    event.type === "script-end" && event.outcome !== "skipped"
      ? [{ phase: event.phase as PhaseName, element: event.element, name: event.script }]
      : [],
  );

const logOf = (events: readonly BuildEvent[]): LogLine[] =>
  events.flatMap((event) => {
    if (event.type !== "output") return [];
    const { phase, element, script: name, stream, text } = event;
    return [{ phase: phase as PhaseName, element, name, stream, text }];
  });
