import { phaseNames } from "@dibjs/core/phases/table.js";
import { checkChangedPlan } from "@dibjs/core/plan/check-changed.js";
import type { BuildPlan } from "@dibjs/core/plan/plan.js";
import { expect, test } from "vitest";

const plan = {
  elements: [{ name: "toy-os" }],
  hookFiles: [{ path: "root.d/10-toy", element: "toy-os" }],
  phases: phaseNames.map((phase) => ({ phase, scripts: [] })),
  network: phaseNames,
  outputs: [{ format: "tar", from: "tree", extension: "tar" }],
  result: "image",
  disk: undefined,
} as unknown as BuildPlan;

test.each([
  ["phases in another order", { phases: [...plan.phases].reverse() }, "the phases must be root, extra-data"],
  ["a script of a stranger", { hookFiles: [{ ...plan.hookFiles[0], element: "stranger" }] }, "belongs to stranger"],
  ["a network for what is no phase", { network: ["boot"] }, "opens the network to boot"],
  ["no outputs", { outputs: [] }, "no outputs"],
  [
    "a disk format without a disk",
    { outputs: [{ format: "qcow2", from: "disk", extension: "qcow2" }] },
    "a disk format and no disk",
  ],
])("a plan tap that gives back %s is refused, and nothing else is wrong with the plan", (_, change, reason) => {
  expect(() => checkChangedPlan({ ...plan, ...change } as BuildPlan)).toThrow(
    expect.objectContaining({
      code: "PLAN_CHANGED_INVALID",
      context: { hook: "plan", reason: expect.stringContaining(reason) as string },
    }),
  );
});
