import { describe, expect, test } from "vitest";
import corePackage from "../../packages/core/package.json" with { type: "json" };
import { importsOf, membersUsed, sources, targetOf } from "./source.js";

// Lower may never import higher. `import type` is free: types describe the flow, values make it.
// The first pattern that fits a file decides; a file that fits none has no place yet.
const LAYERS: readonly (readonly [RegExp, number])[] = [
  [/^(errors|out-of-space|mask|nearest|yaml-text|context|hooks|hook-order)\.ts$/, 0],
  [/^process\//, 0],
  [/^phases\/(table|order)\.ts$/, 0], // the names and order of the phases and of their scripts: everybody reads them
  [/^plan\/digest\.ts$/, 0],
  [/^plan\/prepare\.ts$/, 6], // the front's steps up to the plan: it knows the built-in formats and node types
  [/^(config|elements|fetch|lock|trust)\//, 1],
  [/^(plan|lint|pack|import)\//, 2],
  [/^(workspace|layers)\//, 3],
  [/^worker\/(protocol|launch|shell-request|channel|output-frames|written-error)\.ts$/, 3],
  [/^(phases|block-device|formats)\//, 4],
  [/^(publish|report)\//, 5],
  [/^worker\//, 6], // what runs inside the worker
  [/^(build|index)\.ts$/, 6],
];

// Of one layer, and still never each other.
const STRANGERS: readonly (readonly [from: RegExp, to: RegExp])[] = [
  [/^config\//, /^elements\//],
  [/^phases\//, /^(block-device|formats)\//],
  [/^block-device\//, /^(phases|formats)\//],
  [/^formats\//, /^(phases|block-device)\//],
];

const CORE = "packages/core/src/";
const core = sources.filter((file) => file.startsWith(CORE));
const inCore = (file: string) => file.slice(CORE.length);
const layerOf = (file: string) => LAYERS.find(([pattern]) => pattern.test(inCore(file)))?.[1];
const isOutside = (file: string, allowed: readonly string[]) => !allowed.includes(file);

/** Relative value imports of a core file, as paths of the repository. */
const valueTargets = (file: string) =>
  importsOf(file)
    .filter(({ isTypeOnly }) => !isTypeOnly)
    .flatMap((each) => targetOf(file, each) ?? []);

describe("core", () => {
  test("every file has a layer", () => {
    expect(core.filter((file) => layerOf(file) === undefined)).toEqual([]);
  });

  test("values are imported only from the same layer or below", () => {
    const upward = core.flatMap((file) =>
      valueTargets(file)
        .filter((target) => (layerOf(target) ?? 99) > (layerOf(file) ?? 0))
        .map((target) => `${file} (${layerOf(file)}) imports ${target} (${layerOf(target)})`),
    );
    expect(upward).toEqual([]);
  });

  test("phases, block-device and formats never import each other, nor config elements", () => {
    const crossing = core.flatMap((file) =>
      valueTargets(file)
        .filter((target) => layerOf(target) !== 0)
        .filter((target) => STRANGERS.some(([from, to]) => from.test(inCore(file)) && to.test(inCore(target))))
        .map((target) => `${file} imports ${target}`),
    );
    expect(crossing).toEqual([]);
  });

  test("no file imports itself through others", () => {
    const edges = new Map(core.map((file) => [file, valueTargets(file)]));
    expect(findCycle(edges)).toEqual([]);
  });

  test("only index.ts re-exports, and it names what it exports", () => {
    const barrels = core.filter(
      (file) => inCore(file) !== "index.ts" && importsOf(file).some(({ isReExport }) => isReExport),
    );
    expect(barrels).toEqual([]);
  });
});

describe("every package", () => {
  test("only config/load.ts reads the environment; the CLI hands it over", () => {
    const allowed = [`${CORE}config/load.ts`];
    const found = sources.filter((file) => !file.startsWith("packages/cli/") && isOutside(file, allowed));
    expect(found.filter((file) => membersUsed(file, "process").has("env"))).toEqual([]);
  });

  test("only process/exec.ts starts processes", () => {
    const starters = /^(node:)?child_process$|^execa$|^(node:)?cluster$/;
    const allowed = [`${CORE}process/exec.ts`];
    const found = sources.filter(
      (file) =>
        isOutside(file, allowed) && importsOf(file).some(({ from, isTypeOnly }) => !isTypeOnly && starters.test(from)),
    );
    expect(found).toEqual([]);
  });

  // The guard of plugins puts something in the place of process.exit, and calls none.
  const guard = `${CORE}elements/guard.ts`;

  test("only the CLI uses process.argv, process.exit and console", () => {
    const found = sources
      .filter((file) => !file.startsWith("packages/cli/") && file !== guard)
      .flatMap((file) => {
        const members = [...membersUsed(file, "process")].filter((member) =>
          ["argv", "exit", "exitCode", "abort"].includes(member),
        );
        const printing = membersUsed(file, "console").size > 0 ? ["console"] : [];
        return [...members, ...printing].map((what) => `${file} uses ${what}`);
      });
    expect(found).toEqual([]);
  });

  test("process is used by member, never passed on or imported under another name", () => {
    // What plugins print is caught by putting other streams in the place of the worker's own.
    const replacers = [guard, `${CORE}worker/own-output.ts`];
    const found = sources.filter(
      (file) =>
        (membersUsed(file, "process").has("") && !replacers.includes(file)) ||
        importsOf(file).some(({ from }) => /^(node:)?process$/.test(from)),
    );
    expect(found).toEqual([]);
  });

  test("the CLI and the elements know core by its public entries only", () => {
    const entries = Object.keys(corePackage.exports).map((entry) => `@dibjs/core${entry.slice(1)}`);
    const found = sources
      .filter((file) => !file.startsWith(CORE))
      .flatMap((file) =>
        importsOf(file)
          .filter(
            ({ from }) => (from.startsWith("@dibjs/core/") && !entries.includes(from)) || from.includes("core/src"),
          )
          .map(({ from }) => `${file} imports ${from}`),
      );
    expect(found).toEqual([]);
  });

  test("the CLI imports core and create-element; all other packages, of ours, core only", () => {
    const allowed = (file: string) => (file.startsWith("packages/cli/") ? ["core", "create-element"] : ["core"]);
    const found = sources.flatMap((file) =>
      importsOf(file)
        .map(({ from }) => /^@dibjs\/([^/]+)/.exec(from)?.[1] ?? "core")
        .filter((name) => !allowed(file).includes(name))
        .map((name) => `${file} imports ${name}`),
    );
    expect(found).toEqual([]);
  });

  test("elements import neither the CLI nor a file of another package", () => {
    const found = sources
      .filter((file) => file.startsWith("packages/element-"))
      .flatMap((file) => {
        const home = file.slice(0, file.indexOf("/src/") + 1);
        return importsOf(file)
          .filter((each) => each.from.startsWith("@dibjs/cli") || !(targetOf(file, each)?.startsWith(home) ?? true))
          .map(({ from }) => `${file} imports ${from}`);
      });
    expect(found).toEqual([]);
  });
});

/** The first circle of imports, as the files on it; empty when there is none. */
function findCycle(edges: ReadonlyMap<string, readonly string[]>): string[] {
  const done = new Set<string>();
  const walk = (file: string, path: readonly string[]): string[] => {
    if (path.includes(file)) return [...path.slice(path.indexOf(file)), file];
    if (done.has(file)) return [];
    for (const target of edges.get(file) ?? []) {
      const cycle = walk(target, [...path, file]);
      if (cycle.length > 0) return cycle;
    }
    done.add(file);
    return [];
  };
  return [...edges.keys()].map((file) => walk(file, [])).find((cycle) => cycle.length > 0) ?? [];
}
