import type { Element, ElementFile } from "@dibjs/core/elements/element.js";
import { isEnvironmentFile, mergeHookFiles, planPhases } from "@dibjs/core/plan/hook-files.js";
import { checkLinks, checkScripts, scriptNotes } from "@dibjs/core/plan/scripts.js";
import { describe, expect, test } from "vitest";
import { vector } from "../../../support/vectors.js";

type Files = Readonly<Record<string, Partial<ElementFile>>>;

const element = (name: string, files: Files): Element => ({
  ...{
    name,
    folder: `/${name}`,
    source: "elements-path",
    version: "0.0.0-local",
    dependencies: [],
    provides: [],
    digest: "",
    hostCommands: [],
    reads: [],
    network: [],
    isCacheable: true,
    variables: {},
  },
  files: Object.entries(files).map(([path, file]) => ({ path, kind: "file", executable: false, digest: "", ...file })),
});
const script = { executable: true, opening: "script" } as const;
const nothingAdded = { steps: [], environmentFiles: [] };
const merge = (elements: readonly Element[], added: Partial<Parameters<typeof mergeHookFiles>[1]> = {}) =>
  mergeHookFiles(elements, { ...nothingAdded, ...added });

describe("merging the files of all elements", () => {
  test("takes a packed file from where its content lies", () => {
    const { files } = merge([element("a", { "install.d/10-a": { ...script, from: "bin/a" }, "pkg-map": {} })]);
    expect(files.map(({ path, from }) => [path, from])).toEqual([
      ["install.d/10-a", "bin/a"],
      ["pkg-map", "pkg-map"],
    ]);
  });

  test("gives one list sorted by bytes, each file with its element", () => {
    const { files, clashes } = merge([
      element("b", { "install.d/9-b": script, "pkg-map": {} }),
      element("a", { "install.d/10-a": script, "bin/a": script }),
    ]);
    expect(files.map(({ path, element: from }) => [path, from])).toEqual([
      ["bin/a", "a"],
      ["install.d/10-a", "a"],
      ["install.d/9-b", "b"],
      ["pkg-map", "b"],
    ]);
    expect(clashes).toEqual([]);
  });

  for (const path of ["install.d/10-x", "environment.d/10-x.bash", "bin/x", "static/x", "own-folder/x"])
    vector(
      "hooks/duplicate",
      () => {
        const { clashes } = merge([element("one", { [path]: script }), element("two", { [path]: script })]);
        expect(clashes).toMatchObject([{ code: "PLAN_SCRIPT_CLASH", context: { path, elements: ["one", "two"] } }]);
        expect(clashes[0]?.message).toContain("There is a duplicated hook in your elements");
      },
      path,
    );

  test("every clash is found, three elements with one file give two", () => {
    const files = { "install.d/10-x": script, "bin/y": script };
    expect(merge([element("one", files), element("two", files), element("three", files)]).clashes).toHaveLength(4);
  });

  test.each(["static/etc/motd", "package-installs.yaml", "install.d/x-source-install/10-x"])(
    "of two %s the later element's stays",
    (path) => {
      const { files, clashes } = merge([element("base", { [path]: {} }), element("above", { [path]: {} })]);
      expect([files.map((file) => file.element), clashes]).toEqual([["above"], []]);
    },
  );

  test("a file where another element has a folder clashes, at any depth", () => {
    const { clashes } = merge([element("one", { "static/etc/a": {} }), element("two", { "static/etc/a/b": {} })]);
    expect(clashes).toMatchObject([
      { code: "PLAN_SCRIPT_CLASH", context: { path: "static/etc/a", elements: ["one", "two"] } },
    ]);
  });

  test("an empty folder is kept, unless a file makes it anyway, and never clashes", () => {
    const folder = { kind: "folder" } as const;
    const { files, clashes } = merge([
      element("one", { "static/empty": folder, "static/full": folder }),
      element("two", { "static/empty": folder, "static/full/x": {} }),
    ]);
    expect([files.map(({ path }) => path), clashes]).toEqual([["static/empty", "static/full/x"], []]);
  });

  test("what a plugin adds to environment.d is a file with its content, and clashes like one", () => {
    const environmentFiles = [{ element: "two", name: "10-x.bash", content: "export X=1\n" }];
    const { files } = merge([], { environmentFiles });
    expect(files).toMatchObject([
      { path: "environment.d/10-x.bash", element: "two", from: undefined, content: "export X=1\n", executable: false },
    ]);
    expect(merge([element("one", { "environment.d/10-x.bash": {} })], { environmentFiles }).clashes).toHaveLength(1);
  });

  test("a step clashes with a script of its name and with another step, not with one of another phase", () => {
    const step = (phase: "install" | "root", name: string, from: string) => ({ phase, name, element: from });
    const { clashes } = merge([element("one", { "install.d/10-x": script })], {
      steps: [step("install", "10-x", "two"), step("root", "10-x", "two"), step("install", "10-x", "three")],
    });
    expect(clashes.map(({ context }) => context)).toEqual([
      { path: "install.d/10-x", elements: ["one", "two"] },
      { path: "install.d/10-x", elements: ["two", "three"] },
    ]);
  });
});

describe("phases of a plan", () => {
  test("are all ten in order, each with scripts and steps by number, then bytes", () => {
    const { files } = merge([
      element("a", {
        "install.d/100-c": script,
        "install.d/2-b": script,
        "install.d/02-z": script,
        "install.d/-5-neg": script,
        "root.d/10-r": script,
      }),
    ]);
    const planned = planPhases(files, [{ phase: "install", name: "10-step", element: "b" }]);
    expect(planned.map(({ phase }) => phase)).toEqual([
      "root",
      "extra-data",
      "pre-install",
      "install",
      "post-install",
      "post-root",
      "block-device",
      "pre-finalise",
      "finalise",
      "cleanup",
    ]);
    expect(
      planned.find(({ phase }) => phase === "install")?.scripts.map(({ name, kind }) => `${name} ${kind}`),
    ).toEqual(["-5-neg shell", "02-z shell", "2-b shell", "10-step typescript", "100-c shell"]);
  });

  test("have no files that dib-run-parts would pass over", () => {
    const { files } = merge([
      element("a", {
        "install.d/10-x.sh": script,
        "install.d/20-data": {},
        "install.d/sub/30-x": script,
        "install.d/40-gone": { kind: "link" },
        "instal.d/50-x": script,
      }),
    ]);
    expect(planPhases(files, []).flatMap(({ scripts }) => scripts)).toEqual([]);
  });
});

test("environment files are regular files with a name that environment.d takes, no executable bit needed", () => {
  const { files } = merge([
    element("a", {
      "environment.d/10-a.bash": {},
      "environment.d/10 b": {},
      "environment.d/c": { kind: "link" },
      "environment.d/sub/d": {},
      "environment.d/2-e": script,
    }),
  ]);
  expect(files.filter(isEnvironmentFile).map(({ path }) => path)).toEqual([
    "environment.d/10-a.bash",
    "environment.d/2-e",
  ]);
});

describe("scripts that can't run", () => {
  test.each([
    ["script-crlf", "CR LF", "sed -i"],
    ["other", "does not begin with #!", "#!/bin/bash"],
    ["empty", "empty", "#!/bin/bash"],
  ] as const)("%s: the message says why and the hint what to do", (opening, reason, hint) => {
    const [finding] = checkScripts([element("a", { "install.d/10-x": { executable: true, opening } })]);
    expect(finding).toMatchObject({ code: "PLAN_SCRIPT_INVALID", context: { element: "a", script: "install.d/10-x" } });
    expect([finding?.message, finding?.hint]).toEqual([expect.stringContaining(reason), expect.stringContaining(hint)]);
  });

  test("are all reported", () => {
    const wrong = { executable: true, opening: "other" } as const;
    expect(
      checkScripts([
        element("a", { "install.d/10-x": wrong, "root.d/10-y": wrong }),
        element("b", { "install.d/20-x": wrong }),
      ]),
    ).toHaveLength(3);
  });

  test("are none of: programs, files that are not executable, names that are passed over, files elsewhere", () => {
    const files = {
      "install.d/10-x": { executable: true, opening: "elf" },
      "install.d/20-x": { opening: "other" },
      "install.d/30-x.txt": { executable: true, opening: "other" },
      "bin/x": { executable: true },
    } as const;
    expect(checkScripts([element("a", files)])).toEqual([]);
  });

  test("that are links to nothing are named with what they lead to", () => {
    const gone = { "install.d/10-x": { kind: "link", linkTarget: "../bin/x" } } as const;
    const [finding] = checkLinks([element("a", gone)]);
    expect(finding).toMatchObject({ code: "PLAN_SCRIPT_INVALID", context: { element: "a", script: "install.d/10-x" } });
    expect(finding?.message).toContain("../bin/x");
    expect(checkLinks([element("a", gone), element("b", { "bin/x": {} })]), "another element has it").toEqual([]);
  });

  test("but are passed over give a note", () => {
    const files = {
      "install.d/10-x.sh": script,
      "install.d/20-data": { opening: "other" },
      "install.d/30-ok": script,
      "install.d/package-installs-a": { opening: "other" },
      "install.d/x.txt": { opening: "other" },
    } as const;
    expect(scriptNotes([element("a", files)])).toEqual([
      "a: install.d/10-x.sh does not run: its name has more than letters, digits, _ and -.",
      "a: install.d/20-data does not run: it is not executable.",
    ]);
  });
});
