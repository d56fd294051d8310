import { pathToFileURL } from "node:url";
import { tapBlockNodes } from "../block-device/built-in.js";
import type { BuildContext } from "../context.js";
import { setUpElements } from "../elements/set-up.js";
import { tapFormats } from "../formats/built-in.js";
import { facadeOf, sealHooks, type ElementHooks } from "../hooks.js";
import { tapPackages } from "../phases/packages.js";
import type { BuildPlaces, BuildPlan } from "../plan/plan.js";

/** Sets the plan's elements up once more, on this side; then core's own taps and those of the caller's modules. */
export async function setUpWorker(plan: BuildPlan, places: BuildPlaces, { hooks }: BuildContext): Promise<void> {
  tapBlockNodes(hooks);
  tapFormats(hooks);
  tapPackages(plan, hooks);
  const elements = plan.elements.map(({ name, version, package: packageName }) => ({
    name,
    version,
    package: packageName === undefined ? undefined : { name: packageName },
    folder: places.elements[name]?.folder ?? "",
    entry: places.elements[name]?.entry,
  }));
  await setUpElements(elements, Object.fromEntries(plan.elements.map(({ name, options }) => [name, options])), hooks);
  for (const path of places.plugins) {
    const { default: tap } = (await import(pathToFileURL(path).href)) as { default: (hooks: ElementHooks) => void };
    tap(facadeOf(hooks, path, Number.MAX_SAFE_INTEGER));
  }
  sealHooks(hooks);
}
