import { expect, test } from "vitest";
import { createHooks, facadeOf } from "@dibjs/core/hooks.js";
import { listHooks } from "@dibjs/cli/commands/hooks.js";

test("every hook is listed with its taps in the order they run, scripts among them", () => {
  const hooks = createHooks();
  facadeOf(hooks, "late", 2).plan.tap((plan) => plan);
  facadeOf(hooks, "early", 1).plan.tap((plan) => plan);
  hooks.phase.for("install").add({ name: "15-typed", rank: 1, stage: 15, fn: () => {} });
  const scripts = [
    { name: "10-shell", element: "a", kind: "shell" as const },
    { name: "15-typed", element: "b", kind: "typescript" as const },
    { name: "20-shell", element: "a", kind: "shell" as const },
  ];
  const listed = listHooks(hooks, { phases: [{ phase: "install", scripts }] });
  const tapsOf = (name: string) => listed.find((hook) => hook.name === name)?.taps;
  expect(tapsOf("plan")).toEqual(["early", "late"]);
  expect(tapsOf("phase:install")).toEqual(["10-shell (a)", "15-typed (b)", "20-shell (a)"]);
  expect(tapsOf("fingerprint:root")).toEqual([]);
  expect(new Set(listed.map(({ name }) => name.split(":")[0]))).toEqual(
    new Set(Object.keys(hooks).filter((name) => name !== "blockDevice" && name !== "format")),
  );
});
