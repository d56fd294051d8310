import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { StandardSchema } from "@dibjs/core/elements/element.js";
import { checkOptions, loadDefinition } from "@dibjs/core/elements/entry.js";
import { setUpElements } from "@dibjs/core/elements/set-up.js";
import { createHooks, sealHooks } from "@dibjs/core/hooks.js";
import { createExec } from "@dibjs/core/process/exec.js";
import { describe, expect, test } from "vitest";
import { tempFolder } from "../../../support/temp-folder.js";

let counter = 0;

/** Writes a module and returns what set-up needs to know of its element. Each has a name of its own: modules are cached. */
function typed(folder: string, name: string, source: string, ending = "mjs") {
  const entry = join(folder, `${name}-${counter++}.${ending}`);
  writeFileSync(entry, source);
  return { name, version: "1.0.0", folder: join(folder, name), entry };
}

const setUpOne = async (body: string, options: Readonly<Record<string, unknown>> = {}) => {
  await using temp = await tempFolder();
  const hooks = createHooks();
  const element = typed(temp.path, "a", `export default { name: "a", setup(api, options) { ${body} } };`);
  return { hooks, added: await setUpElements([element], options, hooks) };
};

describe("loading the plugin of an element", () => {
  const definition = `{ name: "a", setup() {} }`;

  test.each([
    ["a definition", `export default ${definition};`, "mjs"],
    ["a list of them", `export default [{ name: "b", setup() {} }, ${definition}];`, "mjs"],
    ["CommonJS", `module.exports = ${definition};`, "cjs"],
    ["CommonJS compiled from a default export", `exports.__esModule = true; exports.default = ${definition};`, "cjs"],
    ["TypeScript", `export default ${definition} satisfies { name: string; setup(): void };`, "ts"],
  ])("takes %s", async (_, source, ending) => {
    await using temp = await tempFolder();
    expect((await loadDefinition(typed(temp.path, "a", source, ending)))?.name).toBe("a");
  });

  test("gives nothing for a shell element, alone or beside typed ones", async () => {
    await using temp = await tempFolder();
    expect(await loadDefinition({ name: "a", version: "1.0.0", folder: temp.path })).toBeUndefined();
    expect(await loadDefinition({ ...typed(temp.path, "b", `export default [${definition}];`) })).toBeUndefined();
  });

  test.each([
    ["it has no default export", "export const a = 1;"],
    ["its default export is something else", "export default () => {};"],
    ["it throws", "throw new Error('at once');"],
    ["it is not JavaScript", "export default {"],
    ["it defines an element that the manifest does not list", `export default { name: "b", setup() {} };`],
  ])("fails with the element and the module when %s", async (_, source) => {
    await using temp = await tempFolder();
    const element = typed(temp.path, "a", source);
    const manifest = { apiVersion: 1 as const, elements: { a: "." } };
    const withPackage = { ...element, package: { name: "pkg", folder: temp.path, manifest, sees: {} } };
    await expect(loadDefinition(withPackage)).rejects.toMatchObject({
      code: "ELEMENT_ENTRY_FAILED",
      context: { element: "a", entry: element.entry },
    });
  });

  test("fails when the module is not there: the package was not built", async () => {
    await expect(
      loadDefinition({ name: "a", version: "1.0.0", folder: "/a", entry: "/a/dist/index.js" }),
    ).rejects.toMatchObject({ code: "ELEMENT_ENTRY_FAILED" });
  });
});

describe("options", () => {
  const schema = (validate: StandardSchema<unknown>["~standard"]["validate"]): StandardSchema<unknown> => ({
    "~standard": { version: 1, vendor: "test", validate },
  });

  test.each([
    ["at once", schema((value) => ({ value: { ...(value as object), size: 1 } }))],
    ["later", schema(async (value) => ({ value: { ...(value as object), size: 1 } }))],
  ])("are what a schema makes of them, %s", async (_, checked) => {
    expect(await checkOptions("a", checked, { name: "x" })).toEqual({ name: "x", size: 1 });
    expect(await checkOptions("a", checked, undefined)).toEqual({ size: 1 });
  });

  test("that a schema refuses are reported with every path", async () => {
    const refusing = schema(() => ({
      issues: [{ message: "too small", path: ["disk", { key: "sizes" }, 0] }, { message: "unknown key" }],
    }));
    await expect(checkOptions("a", refusing, {})).rejects.toMatchObject({
      code: "ELEMENT_OPTIONS_INVALID",
      context: { element: "a", issues: ["disk.sizes.0: too small", "unknown key"] },
    });
  });

  test("for an element that takes none are refused, also for a shell element", async () => {
    await expect(checkOptions("a", undefined, { x: 1 })).rejects.toMatchObject({ code: "ELEMENT_OPTIONS_INVALID" });
    await expect(
      setUpElements([{ name: "a", version: "1.0.0", folder: "/a" }], { a: {} }, createHooks()),
    ).rejects.toMatchObject({ code: "ELEMENT_OPTIONS_INVALID" });
    expect(await checkOptions("a", undefined, undefined)).toBeUndefined();
  });

  test("reach setup", async () => {
    await using temp = await tempFolder();
    const source = `export default { name: "a", options: { "~standard": { version: 1, vendor: "t", validate: (value) => ({ value: value.n * 2 }) } }, setup(api, options) { api.addEnvironment("10-a", { N: String(options) }); } };`;
    const { environmentFiles } = await setUpElements([typed(temp.path, "a", source)], { a: { n: 21 } }, createHooks());
    expect(environmentFiles[0]?.content).toContain("42");
  });
});

describe("what setup adds", () => {
  test("steps are taps of their phase under their own names, sorted among the scripts", async () => {
    const { hooks, added } = await setUpOne(`
      api.addScript("install", "10-b", () => {});
      api.addScript("install", "9-a", () => {});
      api.addScript("root", "50-r", () => {});`);
    expect(added.steps).toEqual([
      { phase: "install", name: "10-b", element: "a" },
      { phase: "install", name: "9-a", element: "a" },
      { phase: "root", name: "50-r", element: "a" },
    ]);
    sealHooks(hooks);
    expect(
      hooks.phase
        .for("install")
        .ordered()
        .map(({ name, stage }) => [name, stage]),
    ).toEqual([
      ["9-a", 9],
      ["10-b", 10],
    ]);
  });

  test("taps carry the element's name and its place in the order of dependencies", async () => {
    await using temp = await tempFolder();
    const source = (name: string) =>
      `export default { name: "${name}", setup({ hooks }) { hooks.plan.tap((plan) => plan); } };`;
    const hooks = createHooks();
    await setUpElements(
      ["z", "a"].map((name) => typed(temp.path, name, source(name))),
      {},
      hooks,
    );
    expect(hooks.plan.ordered().map(({ name, rank }) => [name, rank])).toEqual([
      ["z", 0],
      ["a", 1],
    ]);
  });

  test("formats and node types become known, each with its tap", async () => {
    const { hooks, added } = await setUpOne(`
      api.addFormat({ name: "ova", from: "disk", extension: "ova", hostCommands: [], write: async () => ({ files: [] }) });
      api.addBlockNode({ name: "luks", create: async () => true });`);
    expect([added.formats.map(({ name }) => name), added.blockNodes.map(({ name }) => name)]).toEqual([
      ["ova"],
      ["luks"],
    ]);
    expect([hooks.format.for("ova").ordered().length, hooks.blockDevice.for("luks").ordered().length]).toEqual([1, 1]);
  });

  test.each(["10-a.sh", "10 a", "", "../x"])("a step called %j is refused", async (name) => {
    await expect(setUpOne(`api.addScript("install", ${JSON.stringify(name)}, () => {});`)).rejects.toMatchObject({
      code: "PLAN_SCRIPT_INVALID",
    });
  });

  test("a phase that does not exist is refused with the nearest", async () => {
    await expect(setUpOne(`api.addScript("instal", "10-a", () => {});`)).rejects.toMatchObject({
      code: "HOOK_KEY_UNKNOWN",
      context: { nearest: "install" },
    });
  });

  test.each([
    ["a name", `{ "1A": "" }`],
    ["a name with a newline", `{ "A\\n": "" }`],
    ["a NUL byte", `{ A: "\\0" }`],
  ])("environment with %s that a shell can't take is refused", async (_, variables) => {
    await expect(setUpOne(`api.addEnvironment("10-a", ${variables});`)).rejects.toMatchObject({
      code: "PLAN_VARIABLE_INVALID",
    });
  });

  test("what setup throws comes with the element's name", async () => {
    await expect(setUpOne(`throw new Error("no luck");`)).rejects.toMatchObject({
      code: "ELEMENT_ENTRY_FAILED",
      context: { element: "a", reason: "no luck" },
    });
    await expect(setUpOne(`return Promise.reject(new Error("later"));`)).rejects.toMatchObject({
      code: "ELEMENT_ENTRY_FAILED",
      context: { reason: "later" },
    });
  });
});

describe("added environment", () => {
  const awkward = {
    PLAIN: "x",
    QUOTES: `"double" 'single'`,
    EXPANSIONS: "$HOME `id` $(id) \\n ${x}",
    LINES: "one\ntwo\n",
    EMPTY: "",
    BRACES: "}{}!",
  };

  test.each(["bash", "sh"])("sets exactly what was given in %s, whatever the values hold", async (shell) => {
    const { added } = await setUpOne(`api.addEnvironment("10-a", ${JSON.stringify(awkward)});`);
    const { stdout } = await createExec()(shell, ["-euc", `${added.environmentFiles[0]?.content ?? ""}\nexec env -0`], {
      env: { PATH: "/usr/bin:/bin" },
    });
    const seen = Object.fromEntries(
      stdout
        .split("\0")
        .filter(Boolean)
        .map((pair) => [pair.slice(0, pair.indexOf("=")), pair.slice(pair.indexOf("=") + 1)]),
    );
    expect(seen).toMatchObject(awkward);
  });

  test("leaves a variable alone that the caller has set, even to nothing", async () => {
    const { added } = await setUpOne(`api.addEnvironment("10-a", { GIVEN: "default", NOTHING: "default" });`);
    const { stdout } = await createExec()(
      "bash",
      ["-euc", `${added.environmentFiles[0]?.content ?? ""}\necho "$GIVEN,$NOTHING"`],
      { env: { PATH: "/usr/bin:/bin", GIVEN: "mine", NOTHING: "" } },
    );
    expect(stdout.trim()).toBe("mine,");
  });

  test("goes into a file that environment.d takes", async () => {
    const { added } = await setUpOne(`api.addEnvironment("10-a", {}); api.addEnvironment("20-b.bash", {});`);
    expect(added.environmentFiles.map(({ name }) => name)).toEqual(["10-a.bash", "20-b.bash"]);
  });
});
