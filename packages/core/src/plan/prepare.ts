import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { builtInBlockNodes, tapBlockNodes } from "../block-device/built-in.js";
import { defaultDisk, diskHostCommands, planDisk, type WrittenDisk } from "../block-device/plan-disk.js";
import type { BuildConfig } from "../config/schema.js";
import type { BuildContext } from "../context.js";
import { discoverElements } from "../elements/discover.js";
import type { Element, ElementCatalog, ElementSet } from "../elements/element.js";
import { elementNotes } from "../elements/notes.js";
import { resolveElements } from "../elements/resolve.js";
import { setUpElements } from "../elements/set-up.js";
import { BuildError, reasonOf } from "../errors.js";
import { builtInFormats, tapFormats } from "../formats/built-in.js";
import { sealHooks } from "../hooks.js";
import { assemblePlan, chooseFormats } from "./assemble.js";
import { checkChangedPlan } from "./check-changed.js";
import { secretsOf } from "./environment.js";
import type { BuildPlaces, BuildPlan } from "./plan.js";
import { scriptNotes } from "./scripts.js";

export interface PreparedPlan {
  readonly config: BuildConfig;
  readonly plan: BuildPlan;
  readonly places: BuildPlaces;
  readonly set: ElementSet;
  readonly catalog: ElementCatalog;
  readonly hooks: BuildContext["hooks"];
  /** What a person may want to know, as sentences; nothing of it stops the build. */
  readonly notes: readonly string[];
}

/** Config → plan, through the hooks config, discover, expand and plan. Reads, and touches nothing. */
export async function preparePlan(written: BuildConfig, { hooks }: Pick<BuildContext, "hooks">): Promise<PreparedPlan> {
  tapBlockNodes(hooks);
  tapFormats(hooks);
  const config = await hooks.config.run(written);
  const catalog = await discoverElements(config);
  await hooks.discover.run(catalog);
  const expanded = await resolveElements(config, catalog);
  const added = await setUpElements(expanded.elements, config.options, hooks);
  const set = await hooks.expand.run(expanded);
  const joined = set.elements.filter(({ name }) => !expanded.elements.some((element) => element.name === name));
  const late = await setUpElements(joined, config.options, hooks);
  sealHooks(hooks);
  const present = new Set(set.elements.map(({ name }) => name));
  const all = {
    steps: [...added.steps, ...late.steps].filter(({ element }) => present.has(element)),
    environmentFiles: [...added.environmentFiles, ...late.environmentFiles].filter(({ element }) => present.has(element)),
    formats: [...added.formats, ...late.formats],
    blockNodes: [...added.blockNodes, ...late.blockNodes],
  };
  const outputs = chooseFormats(config, [...builtInFormats, ...all.formats]);
  const types = new Map([...builtInBlockNodes, ...all.blockNodes].map((type) => [type.name, type]));
  const planned = outputs.some(({ from }) => from === "disk") ? planDisk(await readDisk(config, set.elements), config, types) : undefined;
  const disk = planned === undefined ? undefined : { plan: planned, hostCommands: diskHostCommands(planned, types) };
  const assembled = assemblePlan({ config, set, added: all, outputs, disk });
  const plan = await hooks.plan.run(assembled);
  checkChangedPlan(plan);
  const notes = [...elementNotes(catalog), ...scriptNotes(set.elements)];
  return { config, plan, places: placesOf(config, set.elements), set, catalog, hooks, notes };
}

/** DIB's rule: the variable (inline or `file://`), else the first element with a layout for this ARCH or a default one, else a bare file system. */
async function readDisk(config: BuildConfig, elements: readonly Element[]): Promise<WrittenDisk> {
  const given = config.blockDevice;
  if (given !== undefined) {
    if (typeof given !== "string" || !given.startsWith("file://")) return { config: given as string, origin: config.origins.blockDevice ?? "DIB_BLOCK_DEVICE_CONFIG" };
    const file = resolve(config.cwd, given.slice("file://".length));
    const text = await readFile(file, "utf8").catch((error: unknown) => {
      throw new BuildError("BLOCK_DEVICE_CONFIG_INVALID", { place: given, reason: reasonOf(error) }, { cause: error });
    });
    return { config: text, origin: given };
  }
  const arch = config.arch === "ppc64le" ? "ppc64el" : config.arch;
  for (const { name, folder, files } of elements) {
    const layout = [`block-device-${arch}.yaml`, "block-device-default.yaml"].find((file) => files.some(({ path }) => path === file));
    if (layout !== undefined) return { config: await readFile(join(folder, layout), "utf8"), origin: `element ${name}` };
  }
  return defaultDisk;
}

const packageDir = fileURLToPath(new URL("../..", import.meta.url));

function placesOf(config: BuildConfig, elements: readonly Element[]): BuildPlaces {
  return {
    elements: Object.fromEntries(elements.map(({ name, version, folder, entry, source }) => [name, { version, folder, source, ...(entry === undefined ? {} : { entry }) }])),
    plugins: config.plugins,
    output: resolve(config.cwd, config.output),
    cwd: config.cwd,
    path: config.path,
    tmpDir: config.tmpDir,
    cacheDir: config.cacheDir,
    lockDir: config.lockDir,
    libDir: join(packageDir, "lib"),
    elementsPath: config.elementPaths.map(({ path }) => path).filter((path) => existsSync(path)).join(":"),
    secrets: secretsOf(config, elements),
    runEnvironment: config.runEnvironment,
    caller: config.caller,
    args: config.args,
  };
}
