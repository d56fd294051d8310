import { builtInBlockNodes, tapBlockNodes } from "../block-device/built-in.js";
import { defaultDisk, diskHostCommands, planDisk } from "../block-device/plan-disk.js";
import type { BuildConfig } from "../config/schema.js";
import type { BuildContext } from "../context.js";
import { discoverElements } from "../elements/discover.js";
import type { ElementCatalog, ElementSet } from "../elements/element.js";
import { elementNotes } from "../elements/notes.js";
import { resolveElements } from "../elements/resolve.js";
import { setUpElements, type Added } from "../elements/set-up.js";
import { readAciManifest } from "../formats/aci.js";
import { builtInFormats, tapFormats } from "../formats/built-in.js";
import { checkFormatSettings } from "../formats/check.js";
import type { ImageFormat } from "../formats/format.js";
import { sealHooks } from "../hooks.js";
import { assemblePlan, chooseFormats, resultOf } from "./assemble.js";
import { checkChangedPlan } from "./check-changed.js";
import { needsDisk } from "./needs-disk.js";
import { placesOf } from "./places.js";
import type { BuildPlaces, BuildPlan } from "./plan.js";
import { readPolicy } from "../trust/policy.js";
import { readDisk } from "./read-disk.js";
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

/**
 * Config → plan, through the hooks config, discover, expand and plan. Reads, and touches nothing. A project's policy that
 * can't be read stops it before any code of an element is loaded.
 */
export async function preparePlan(written: BuildConfig, { hooks }: Pick<BuildContext, "hooks">): Promise<PreparedPlan> {
  tapBlockNodes(hooks);
  tapFormats(hooks);
  const config = await hooks.config.run(written);
  await readPolicy(config.projectDir, config.caller.uid);
  const catalog = await discoverElements(config);
  await hooks.discover.run(catalog);
  const { set, added } = await setUpSet(await resolveElements(config, catalog), config, hooks);
  sealHooks(hooks);

  const result = resultOf(config, set);
  const outputs = chooseFormats(config, [...builtInFormats, ...added.formats], result);
  const disk = (await needsDisk(outputs, set.elements, result))
    ? await prepareDisk(config, set, added, outputs)
    : undefined;
  await checkFormatSettings(outputs, { config, disk: disk?.plan, elements: set.elements });
  const aciManifest = outputs.some(({ name }) => name === "aci") ? await readAciManifest(config) : undefined;
  const plan = await hooks.plan.run(assemblePlan({ config, set, added, outputs, aciManifest, disk }));
  checkChangedPlan(plan);
  const notes = [...elementNotes(catalog, set), ...scriptNotes(set.elements)];
  return { config, plan, places: placesOf(config, set.elements), set, catalog, hooks, notes };
}

/** Sets elements up, lets `expand` taps change the set, and sets up what they added. */
async function setUpSet(
  expanded: ElementSet,
  { options }: BuildConfig,
  hooks: BuildContext["hooks"],
): Promise<{ set: ElementSet; added: Added }> {
  const first = await setUpElements(expanded.elements, options, hooks);
  const set = await hooks.expand.run(expanded);
  const joined = set.elements.filter(({ name }) => !expanded.elements.some((element) => element.name === name));
  const late = await setUpElements(joined, options, hooks);
  const isPresent = ({ element }: { element: string }) => set.elements.some(({ name }) => name === element);
  const added = {
    steps: [...first.steps, ...late.steps].filter(isPresent),
    environmentFiles: [...first.environmentFiles, ...late.environmentFiles].filter(isPresent),
    formats: [...first.formats, ...late.formats],
    blockNodes: [...first.blockNodes, ...late.blockNodes],
  };
  return { set, added };
}

async function prepareDisk(config: BuildConfig, set: ElementSet, added: Added, outputs: readonly ImageFormat[]) {
  const types = new Map([...builtInBlockNodes, ...added.blockNodes].map((type) => [type.name, type]));
  const plan = planDisk((await readDisk(config, set.elements)) ?? defaultDisk, config, types);
  const sizeMultipleBytes = leastCommonMultiple(outputs.flatMap((output) => output.sizeMultipleBytes ?? []));
  return {
    plan: sizeMultipleBytes === undefined ? plan : { ...plan, sizeMultipleBytes },
    hostCommands: diskHostCommands(plan, types),
  };
}

/** Of what the formats want the disk's size to be a multiple of. */
const leastCommonMultiple = (sizes: readonly number[]): number | undefined =>
  sizes.length === 0 ? undefined : sizes.reduce((all, size) => (all / greatestCommonDivisor(all, size)) * size);

const greatestCommonDivisor = (a: number, b: number): number => (b === 0 ? a : greatestCommonDivisor(b, a % b));
