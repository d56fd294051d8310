import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { coreVersion } from "@dibjs/core/elements/cores.js";
import { discoverElements, type DiscoverRequest } from "@dibjs/core/elements/discover.js";
import { elementNotes } from "@dibjs/core/elements/notes.js";
import { describe, expect, test } from "vitest";
import { anElement } from "../../../support/build-fixture.js";
import { tempFolder } from "../../../support/temp-folder.js";

const discover = (projectDir: string, request: Partial<DiscoverRequest> = {}) =>
  discoverElements({ elementPaths: [], bundled: [], ...request, projectDir });
const inElementsPath = (...paths: readonly string[]) => ({
  elementPaths: paths.map((path) => ({ path, origin: "$ELEMENTS_PATH" })),
});

describe("look-up order", () => {
  test("the first of ELEMENTS_PATH, config, packages and bundled packages wins, the others are shadowed", async () => {
    await using temp = await tempFolder();
    const [first, second, config] = ["first", "second", "config"].map((name) => join(temp.path, name)) as [
      string,
      string,
      string,
    ];
    for (const folder of [second, config]) anElement("b").writeTo(folder);
    anElement("a").writeTo(first);
    for (const folder of [first, second, config]) anElement("everywhere").writeTo(folder);
    anElement("everywhere").writeAsPackage(join(temp.path, "node_modules"));
    anElement("c").writeAsPackage(join(temp.path, "node_modules"));
    const bundled = [
      anElement("everywhere").writeAsPackage(join(temp.path, "cli")),
      anElement("c").writeAsPackage(join(temp.path, "cli")),
      anElement("d").writeAsPackage(join(temp.path, "cli")),
    ];
    const elementPaths = [
      ...inElementsPath(first, second).elementPaths,
      { path: config, origin: "dib.config.yaml:3:5" },
    ];

    const { refs, shadowed } = await discover(temp.path, { elementPaths, bundled });

    expect([...refs.values()].map(({ name, source }) => [name, source]).sort()).toEqual([
      ["a", "elements-path"],
      ["b", "elements-path"],
      ["c", "package"],
      ["d", "bundled"],
      ["everywhere", "elements-path"],
    ]);
    expect(refs.get("everywhere")?.folder).toBe(join(first, "everywhere"));
    expect(shadowed.filter(({ name }) => name === "everywhere").map(({ source }) => source)).toEqual([
      "elements-path",
      "config",
      "package",
      "bundled",
    ]);
  });

  test("what a discover tap adds comes last", async () => {
    await using temp = await tempFolder();
    anElement("a").writeTo(join(temp.path, "elements"));
    const catalog = await discover(temp.path, inElementsPath(join(temp.path, "elements")));
    catalog.add({ name: "a", folder: "/other/a" });
    catalog.add({ name: "z", folder: "/other/z" });
    expect([catalog.refs.get("a")?.source, catalog.refs.get("z")?.source]).toEqual(["elements-path", "hook"]);
  });
});

describe("folders of elements", () => {
  test("every sub-directory is an element of version 0.0.0-local, files and hidden folders are not", async () => {
    await using temp = await tempFolder();
    for (const name of ["plain", "Upper_case.2", ".git", "__pycache__", "constructor"])
      mkdirSync(join(temp.path, "e", name), { recursive: true });
    writeFileSync(join(temp.path, "e/README"), "");
    const { refs } = await discover(temp.path, inElementsPath(join(temp.path, "e")));
    expect([...refs.values()].map(({ name, version }) => `${name} ${version}`).sort()).toEqual([
      "Upper_case.2 0.0.0-local",
      "plain 0.0.0-local",
    ]);
  });

  test("a link to an element is an element under its own name", async () => {
    await using temp = await tempFolder();
    const real = anElement("real").writeTo(join(temp.path, "elsewhere"));
    mkdirSync(join(temp.path, "e"));
    symlinkSync(real, join(temp.path, "e/alias"));
    symlinkSync("/nowhere", join(temp.path, "e/dangling"));
    const { refs } = await discover(temp.path, inElementsPath(join(temp.path, "e")));
    expect([...refs.keys()]).toEqual(["alias"]);
  });

  test("one with a manifest has its version and its elements", async () => {
    await using temp = await tempFolder();
    anElement("one").writeAsPackage(join(temp.path, "e"), {
      version: "2.1.0",
      elements: { one: ".", two: "elements/two" },
    });
    const { refs } = await discover(temp.path, inElementsPath(join(temp.path, "e")));
    expect(
      [...refs.values()].map(({ name, version, source, folder }) => [
        name,
        version,
        source,
        folder.slice(temp.path.length),
      ]),
    ).toEqual([
      ["one", "2.1.0", "elements-path", "/e/dib-element-one"],
      ["two", "2.1.0", "elements-path", "/e/dib-element-one/elements/two"],
    ]);
  });

  test("every entry that is no directory is reported", async () => {
    await using temp = await tempFolder();
    const file = join(temp.path, "file");
    writeFileSync(file, "");
    await expect(discover(temp.path, inElementsPath(file))).rejects.toMatchObject({ code: "ELEMENT_PATH_INVALID" });
    await expect(discover(temp.path, inElementsPath("/not/a/dir"))).rejects.toThrow(
      "ELEMENTS_PATH entry '/not/a/dir' is not a directory",
    );
    await expect(discover(temp.path, inElementsPath(file, "/not/a/dir"))).rejects.toMatchObject({
      code: "SEVERAL_FINDINGS",
    });
  });
});

describe("installed packages", () => {
  test("are found in every node_modules upwards, in scopes and through links, by their manifest alone", async () => {
    await using temp = await tempFolder();
    const project = join(temp.path, "repo/apps/image");
    mkdirSync(join(project, "node_modules"), { recursive: true });
    anElement("near").writeAsPackage(join(project, "node_modules"), { package: "unusual-name" });
    anElement("far").writeAsPackage(join(temp.path, "repo/node_modules"), { package: "@acme/far" });
    const linked = anElement("linked").writeAsPackage(join(temp.path, "src"));
    symlinkSync(linked, join(project, "node_modules/linked"));
    anElement("no-manifest")
      .file("package.json", '{ "name": "x", "keywords": ["dib-element"] }')
      .writeTo(join(project, "node_modules"));
    anElement("config")
      .file("package.json", '{ "name": "y", "dib": { "images": {} } }')
      .writeTo(join(project, "node_modules"));
    const { refs, unusable } = await discover(project);
    expect([...refs.keys()].sort()).toEqual(["far", "linked", "near"]);
    expect(refs.get("linked")?.folder).toBe(linked);
    expect(unusable).toEqual([]);
  });

  test("bring the peers that a package gets for itself, as pnpm lays them out", async () => {
    await using temp = await tempFolder();
    const store = join(temp.path, "node_modules/.pnpm/vm@1/node_modules");
    const vm = anElement("vm").writeAsPackage(store, { peers: { "@acme/base": "^1.0.0" } });
    anElement("base").writeAsPackage(store, { package: "@acme/base", peers: { third: "*" } });
    anElement("third").writeAsPackage(store, { package: "third" });
    symlinkSync(vm, join(temp.path, "node_modules/dib-element-vm"));
    const { refs } = await discover(temp.path);
    expect([...refs.keys()]).toEqual(["vm", "base", "third"]);
  });

  test("include the project's own package", async () => {
    await using temp = await tempFolder();
    const project = anElement("own").writeAsPackage(temp.path);
    expect([...(await discover(project)).refs.keys()]).toEqual(["own"]);
  });

  test("a bad manifest is a note, and an error for those who ask for its element", async () => {
    await using temp = await tempFolder();
    const modules = join(temp.path, "node_modules");
    anElement("broken").writeAsPackage(modules, { arch: "amd64" as never });
    writeFileSync(join(anElement("json").writeTo(modules), "package.json"), '{ "dib": ');
    anElement("newer").writeAsPackage(modules, { core: ">=99" });
    anElement("good").writeAsPackage(modules);
    const bundled = [anElement("broken").writeAsPackage(join(temp.path, "cli"))];
    const catalog = await discover(temp.path, { bundled });
    expect([...catalog.refs.keys()]).toEqual(["good"]);
    expect(catalog.unusable.map(({ names, error }) => [names, error.code])).toEqual([
      [["broken"], "ELEMENT_MANIFEST_INVALID"],
      [["newer"], "ELEMENT_CORE_MISMATCH"],
      [[], "ELEMENT_MANIFEST_INVALID"],
    ]);
    expect(elementNotes(catalog, { elements: [], askedBy: {}, provided: {} })[0]).toContain(
      `${modules}/dib-element-broken/package.json: "dib" manifest: arch:`,
    );
  });

  test("a prerelease of core satisfies ranges that its release would", async () => {
    await using temp = await tempFolder();
    anElement("a").writeAsPackage(join(temp.path, "node_modules"), { core: `^${coreVersion}` });
    expect([...(await discover(temp.path)).refs.keys()]).toEqual(["a"]);
  });

  test("of a Plug'n'Play project are refused", async () => {
    await using temp = await tempFolder();
    writeFileSync(join(temp.path, ".pnp.cjs"), "");
    mkdirSync(join(temp.path, "app"));
    await expect(discover(join(temp.path, "app"))).rejects.toMatchObject({ code: "PLUG_N_PLAY_UNSUPPORTED" });
    mkdirSync(join(temp.path, "node_modules"));
    expect([...(await discover(temp.path)).refs.keys()]).toEqual([]);
  });
});
