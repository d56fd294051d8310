import {
  BuildError,
  defineElement,
  type Artifact,
  type BuildConfig,
  type BuildPlan,
  type ElementApi,
  type ElementHooks,
  type PhaseRun,
  type StandardSchema,
  type Step,
} from "@dibjs/core";
import { describe, expectTypeOf, test } from "vitest";
import { z } from "zod";

describe("defineElement", () => {
  test("gives setup the options as the schema makes them, from zod or any Standard Schema", () => {
    defineElement({
      name: "a",
      options: z.object({ device: z.string().default("/dev/vda"), sizes: z.array(z.number()).optional() }),
      setup(_, options) {
        expectTypeOf(options).toEqualTypeOf<{ device: string; sizes?: number[] | undefined }>();
      },
    });
    const size: StandardSchema<number> = {
      "~standard": { version: 1, vendor: "mine", validate: (value) => ({ value: Number(value) }) },
    };
    defineElement({ name: "b", options: size, setup: (_, options) => expectTypeOf(options).toEqualTypeOf<number>() });
  });

  test("gives setup undefined when the element takes no options", () => {
    defineElement({ name: "a", setup: (_, options) => expectTypeOf(options).toEqualTypeOf<undefined>() });
  });

  test("refuses an element without a name or with a key that means nothing", () => {
    // @ts-expect-error a definition has a name
    defineElement({ setup() {} });
    // @ts-expect-error there is no such key
    defineElement({ name: "a", teardown() {}, setup() {} });
  });
});

describe("the API of setup", () => {
  test("knows the phases and what a step gets", () => {
    expectTypeOf<ElementApi["addScript"]>().parameter(0).toEqualTypeOf<BuildPlan["phases"][number]["phase"]>();
    expectTypeOf<Step>().parameter(0).toEqualTypeOf<PhaseRun>();
    defineElement({
      name: "a",
      setup(api) {
        api.addScript("post-install", "80-a", async ({ target }) => {
          const { exitCode } = await target.run("systemctl", ["enable", "a"]);
          expectTypeOf(exitCode).toEqualTypeOf<number | undefined>();
          expectTypeOf(await target.read("/etc/hostname")).toEqualTypeOf<string | undefined>();
        });
        api.addEnvironment("10-a", { DIB_A: "1" });
        // @ts-expect-error there is no such phase
        api.addScript("instal", "10-a", () => {});
        // @ts-expect-error variables are text
        api.addEnvironment("10-a", { DIB_A: 1 });
      },
    });
  });
});

describe("hooks as an element sees them", () => {
  const never = (hooks: ElementHooks) => {
    hooks.plan.tap((plan) => {
      expectTypeOf(plan).toEqualTypeOf<BuildPlan>();
      return plan;
    });
    hooks.plan.tapPromise(async (plan) => ({ ...plan, packages: [] }), { stage: 10, after: "base" });
    hooks.config.tap((config) => {
      expectTypeOf(config).toEqualTypeOf<BuildConfig>();
      return config;
    });
    hooks.phase.for("install").tap((run) => void expectTypeOf(run).toEqualTypeOf<PhaseRun>());
    hooks.artifact.tap((artifact) => void expectTypeOf(artifact).toEqualTypeOf<Artifact>());
    hooks.imageSize.tap((bytes) => bytes * 2);
    // @ts-expect-error a waterfall tap returns what it passes on
    hooks.plan.tap(() => {});
    // @ts-expect-error there is no such phase
    hooks.phase.for("instal").tap(() => {});
    // @ts-expect-error elements tap hooks, they do not run them
    void hooks.plan.run;
    // @ts-expect-error nor seal them
    void hooks.plan.seal;
  };

  test("can be tapped, with the types of what they get, and nothing else", () => {
    expectTypeOf(never).toBeFunction();
    expectTypeOf<keyof ElementHooks["plan"]>().toEqualTypeOf<"tap" | "tapPromise">();
    expectTypeOf<keyof ElementHooks["phase"]>().toEqualTypeOf<"for">();
  });
});

describe("BuildError", () => {
  test("takes the context of its code, complete", () => {
    const make = () => [
      new BuildError("ELEMENT_COPIES", { name: "a", folders: ["/one", "/two"] }),
      // @ts-expect-error folders are missing
      new BuildError("ELEMENT_COPIES", { name: "a" }),
      // @ts-expect-error there is no such code
      new BuildError("ELEMENT_LOST", { name: "a" }),
    ];
    expectTypeOf(make).toBeFunction();
    expectTypeOf(new BuildError("ELEMENT_COPIES", { name: "a", folders: [] }).context.folders).toEqualTypeOf<
      readonly string[]
    >();
  });
});
