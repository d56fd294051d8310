import { BuildError } from "../errors.js";
import { phaseNames } from "../phases/table.js";
import type { BuildPlan } from "./plan.js";

/** What `plan` taps gave back must still be a plan that can be sent and run. Throws PLAN_CHANGED_INVALID. */
export function checkChangedPlan(plan: BuildPlan): void {
  const reason = rules.map((rule) => rule(plan)).find((found) => found !== undefined);
  if (reason !== undefined) throw new BuildError("PLAN_CHANGED_INVALID", { hook: "plan", reason });
}

const rules: readonly ((plan: BuildPlan) => string | undefined)[] = [
  ({ phases }) =>
    phases.map(({ phase }) => phase).join() === phaseNames.join()
      ? undefined
      : `the phases must be ${phaseNames.join(", ")}, in this order`,
  ({ hookFiles, phases, elements }) => {
    const known = new Set(elements.map(({ name }) => name));
    const used = [...hookFiles, ...phases.flatMap(({ scripts }) => scripts)].map(({ element }) => element);
    const stranger = used.find((element) => !known.has(element));
    return stranger === undefined ? undefined : `a script belongs to ${stranger}, which is not one of its elements`;
  },
  ({ network }) => {
    const stranger = network.find((phase) => !phaseNames.includes(phase));
    return stranger === undefined ? undefined : `it opens the network to ${stranger}, which is not a phase`;
  },
  ({ outputs, result }) => (outputs.length > 0 || result !== "image" ? undefined : "it has no outputs"),
  ({ outputs, disk }) =>
    disk === undefined && outputs.some(({ from }) => from === "disk") ? "it has a disk format and no disk" : undefined,
];
