import {
  loadConfig,
  numberOf,
  planImage,
  type BuildPlan,
  type Hook,
  type HookMap,
  type Hooks,
  type PhaseRun,
  type Tap,
} from "@dibjs/core";
import { toLoadRequest, type Given } from "../options.js";
import { indent } from "../table.js";
import type { Terminal } from "../terminal.js";

interface ListedHook {
  /** With `:key` for a hook of a map. */
  readonly name: string;
  readonly kind: string;
  readonly side: string;
  /** In the order they run. */
  readonly taps: readonly string[];
}

/** Prints the hook table with the taps of the image's elements, in the order they run. */
export async function hooks({ out }: Terminal, given: Given, elements: readonly string[]): Promise<number> {
  const { images } = await loadConfig(await toLoadRequest(elements, given));
  const listed: { image: string; hooks: readonly ListedHook[] }[] = [];
  for (const config of images) {
    const { plan, hooks: table } = await planImage(config);
    listed.push({ image: plan.image, hooks: listHooks(table, plan) });
  }
  if (given.json === true) {
    out.write((await import("../envelope.js")).formatData("hooks", { images: listed }));
    return 0;
  }
  const { bold, dim } = out.colours;
  for (const image of listed) {
    if (listed.length > 1) out.write(`${bold(image.image)}\n`);
    for (const { name, kind, side, taps } of image.hooks) {
      out.write(
        `${bold(name)} ${dim(`${kind}, ${side}`)}\n${indent(taps.length > 0 ? taps : [dim("no taps")])
          .map((line) => `${line}\n`)
          .join("")}`,
      );
    }
  }
  return 0;
}

type AnyHook = Hook<never[], unknown>;

export function listHooks(table: Hooks, plan: Pick<BuildPlan, "phases">): readonly ListedHook[] {
  return Object.entries(table).flatMap(([name, hook]) => {
    if (!("keys" in hook)) return [listHook(name, hook as unknown as AnyHook)];
    const map = hook as unknown as HookMap<never[], unknown>;
    return map.keys.map((key) =>
      name === "phase" ? listPhase(key, table, plan) : listHook(`${name}:${key}`, map.for(key)),
    );
  });
}

const listHook = (name: string, hook: AnyHook): ListedHook => ({
  name,
  kind: hook.kind,
  side: hook.side,
  taps: hook.ordered().map((tap) => tap.name),
});

/** Shell scripts become taps when their phase begins; here they are put in as the worker will. */
function listPhase(key: string, table: Hooks, plan: Pick<BuildPlan, "phases">): ListedHook {
  const hook = table.phase.for(key as never);
  const scripts = plan.phases.find(({ phase }) => phase === key)?.scripts ?? [];
  const shell = scripts
    .filter(({ kind }) => kind === "shell")
    .map(({ name }): Tap<[PhaseRun], void> => ({ name, rank: 0, stage: numberOf(name), fn: () => {} }));
  const owner = new Map(scripts.map(({ name, element }) => [name, element]));
  const taps = hook.ordered(shell).map(({ name }) => (owner.has(name) ? `${name} (${owner.get(name)})` : name));
  return { name: `phase:${key}`, kind: hook.kind, side: hook.side, taps };
}
