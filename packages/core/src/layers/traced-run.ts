/** What a TypeScript step asks for beside its inputs, noticed when it asks: the plan's parts, elements, variables of the whole build. */
import type { PhaseRun } from "../phases/phase-run.js";
import { canonicalJson, sha256 } from "../plan/digest.js";
import type { BuildPlan } from "../plan/plan.js";
import type { Inputs } from "./layer.js";
import { wholeBuildVariables } from "./whole-build.js";

type Env = Readonly<Record<string, string>>;

/** State of each thing that can be asked for, by its name. */
export function readable(plan: BuildPlan, env: Env): (name: string) => string {
  return (name) => {
    const [kind, key = ""] = name.split(" ");
    if (kind === "plan") return sha256(canonicalJson(plan[key as keyof BuildPlan] ?? null));
    if (kind === "elements") return sha256(canonicalJson(plan.elements));
    return env[key] ?? "";
  };
}

/** Collects names; `states` is what a layer keeps of them. */
export class Reads {
  readonly #names = new Set<string>();
  readonly #stateOf: (name: string) => string;
  /** Variables that environment.d makes of others → these. */
  readonly #derived: ReadonlyMap<string, readonly string[]>;

  constructor(stateOf: (name: string) => string, derived: ReadonlyMap<string, readonly string[]>) {
    this.#stateOf = stateOf;
    this.#derived = derived;
  }

  get states(): Inputs {
    return Object.fromEntries([...this.#names].sort().map((name) => [name, this.#stateOf(name)]));
  }

  /** A run that notes down what is asked of it. */
  trace<R extends Pick<PhaseRun, "plan" | "env" | "elementFolders">>(run: R): R {
    const note = (name: string) => void this.#names.add(name);
    const plan = new Proxy(run.plan, {
      get: (target, key) => (note(`plan ${String(key)}`), Reflect.get(target, key) as unknown),
    });
    const noteVariable = (name: string) => {
      if (wholeBuildVariables.includes(name)) note(`variable ${name}`);
      for (const source of this.#derived.get(name) ?? []) note(`variable ${source}`);
    };
    const env = new Proxy(run.env, {
      get: (target, key) => (noteVariable(String(key)), Reflect.get(target, key) as unknown),
      ownKeys: (target) => (wholeBuildVariables.forEach(noteVariable), Reflect.ownKeys(target)),
    });
    return {
      ...run,
      plan,
      env,
      get elementFolders() {
        note("elements");
        return run.elementFolders;
      },
    };
  }
}
