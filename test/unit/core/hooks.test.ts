import { createHooks, facadeOf, sealHooks } from "@dibjs/core/hooks.js";
import { describe, expect, test } from "vitest";
import type { BuildPlan } from "@dibjs/core/plan/plan.js";
import type { Workspace } from "@dibjs/core/workspace/workspace.js";

const plan = { image: "image" } as BuildPlan;
const workspace = {} as Workspace;

describe("the order of taps", () => {
  test("is stage, then dependency order, then name, whatever order they were tapped in", async () => {
    const hooks = createHooks();
    const seen: string[] = [];
    const tap = (name: string, rank: number, stage?: number) =>
      facadeOf(hooks, name, rank).workspace.tap(() => void seen.push(name), stage === undefined ? {} : { stage });
    tap("late", 0, 10);
    tap("b", 2);
    tap("a", 2);
    tap("base", 1);
    sealHooks(hooks);
    await hooks.workspace.run(workspace);
    expect(seen).toEqual(["base", "a", "b", "late"]);
  });

  test("obeys before and after, also against the stage", () => {
    const hooks = createHooks();
    facadeOf(hooks, "a", 1).workspace.tap(() => {}, { after: "c" });
    facadeOf(hooks, "b", 2).workspace.tap(() => {}, { before: "a", stage: 5 });
    facadeOf(hooks, "c", 3).workspace.tap(() => {});
    expect(hooks.workspace.ordered().map(({ name }) => name)).toEqual(["c", "b", "a"]);
  });

  test("refuses a name that nobody has", () => {
    const hooks = createHooks();
    facadeOf(hooks, "a", 1).plan.tap((value) => value, { before: "misspelt" });
    expect(() => sealHooks(hooks)).toThrow(expect.objectContaining({ code: "HOOK_ORDER_UNKNOWN" }));
  });

  test("refuses taps that want to run before each other", () => {
    const hooks = createHooks();
    facadeOf(hooks, "a", 1).workspace.tap(() => {}, { before: "b" });
    facadeOf(hooks, "b", 2).workspace.tap(() => {}, { before: "a" });
    expect(() => sealHooks(hooks)).toThrow(expect.objectContaining({ code: "HOOK_ORDER_CYCLE" }));
  });

  test("of a phase is by number, then bytes: an element's rank does not count", () => {
    const hooks = createHooks();
    const phase = hooks.phase.for("install");
    const step = (name: string, stage: number, rank: number) => phase.add({ name, stage, rank, fn: () => {} });
    step("10-b", 10, 1);
    step("9-z", 9, 5);
    step("10-a", 10, 9);
    expect(phase.ordered().map(({ name }) => name)).toEqual(["9-z", "10-a", "10-b"]);
  });
});

describe("a tap", () => {
  test("that is an async function given to tap is awaited", async () => {
    const hooks = createHooks();
    const seen: string[] = [];
    facadeOf(hooks, "slow", 1).workspace.tap(async () => {
      await new Promise((resolve) => setTimeout(resolve, 20));
      seen.push("slow");
    });
    facadeOf(hooks, "next", 2).workspace.tap(() => void seen.push("next"));
    await hooks.workspace.run(workspace);
    expect(seen).toEqual(["slow", "next"]);
  });

  test("that fails is named with its hook, and its own error is the cause", async () => {
    const hooks = createHooks();
    const cause = new Error("boom");
    facadeOf(hooks, "motd", 1).plan.tapPromise(() => Promise.reject(cause));
    await expect(hooks.plan.run(plan)).rejects.toMatchObject({
      code: "HOOK_TAP_FAILED",
      context: { hook: "plan", tap: "motd", reason: "boom" },
      cause,
    });
  });

  test("of a waterfall must return a value", async () => {
    const hooks = createHooks();
    facadeOf(hooks, "motd", 1).plan.tap((() => undefined) as never);
    await expect(hooks.plan.run(plan)).rejects.toMatchObject({ code: "HOOK_TAP_RETURNED_NOTHING" });
  });

  test("of a waterfall passes its value on", async () => {
    const hooks = createHooks();
    facadeOf(hooks, "a", 1).plan.tap((value) => ({ ...value, image: `${value.image}-a` }));
    facadeOf(hooks, "b", 2).plan.tap((value) => ({ ...value, image: `${value.image}-b` }));
    expect((await hooks.plan.run(plan)).image).toBe("image-a-b");
  });

  test("after set-up is refused", () => {
    const hooks = createHooks();
    sealHooks(hooks);
    expect(() => facadeOf(hooks, "late", 1).plan.tap((value) => value)).toThrow(
      expect.objectContaining({ code: "HOOK_SEALED" }),
    );
  });

  test("of an unknown phase is refused with the nearest one", () => {
    const hooks = createHooks();
    expect(() => facadeOf(hooks, "a", 1).phase.for("post-instal" as never)).toThrow(
      expect.objectContaining({ code: "HOOK_KEY_UNKNOWN", hint: expect.stringContaining('"post-install"') as string }),
    );
  });
});

test("cleanup calls every tap even when one fails", async () => {
  const hooks = createHooks();
  const seen: string[] = [];
  facadeOf(hooks, "a", 1).cleanup.tap(() => {
    throw new Error("a");
  });
  facadeOf(hooks, "b", 2).cleanup.tap(() => void seen.push("b"));
  await expect(hooks.cleanup.run(workspace)).rejects.toMatchObject({ code: "HOOK_TAP_FAILED", context: { tap: "a" } });
  expect(seen).toEqual(["b"]);
});

test("a bail hook stops at the first answer", async () => {
  const hooks = createHooks();
  hooks.format.define("qcow2");
  hooks.format.for("qcow2").add({ name: "a", rank: 1, fn: () => undefined });
  hooks.format.for("qcow2").add({ name: "b", rank: 2, fn: () => ({ files: [] }) });
  hooks.format.for("qcow2").add({ name: "c", rank: 3, fn: () => Promise.reject(new Error("not reached")) });
  expect(await hooks.format.for("qcow2").run({} as never)).toEqual({ files: [] });
});
