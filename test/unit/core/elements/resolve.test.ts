import { mkdirSync, realpathSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { discoverElements } from "@dibjs/core/elements/discover.js";
import { resolveElements } from "@dibjs/core/elements/resolve.js";
import { describe, expect, test } from "vitest";
import { anElement, type PackageFixture } from "../../../support/build-fixture.js";
import { tempFolder } from "../../../support/temp-folder.js";

const os = () => anElement("os").provides("operating-system");

interface Asked {
  readonly elements?: readonly string[];
  readonly options?: Readonly<Record<string, unknown>>;
  readonly arch?: string;
  readonly elementPaths?: readonly string[];
  readonly bundled?: readonly string[];
}

async function resolveIn(
  projectDir: string,
  { elements = ["os"], options = {}, arch = "amd64", elementPaths = [], bundled = [] }: Asked,
) {
  const catalog = await discoverElements({
    projectDir,
    bundled,
    elementPaths: elementPaths.map((path) => ({ path, origin: "$ELEMENTS_PATH" })),
  });
  const asked = elements.map((element) => {
    const [name = "", range = "*"] = element.split("@");
    return { name, range, origin: "arguments" };
  });
  return resolveElements(
    { elements: asked, options, arch, base: false, ramdisk: false, ramdiskElement: "ramdisk" },
    catalog,
  );
}

describe("versions", () => {
  /** os, base at a version, and a, b that need base in ranges. */
  async function withBase(
    version: string,
    ranges: Readonly<Record<string, string>>,
    asked: readonly string[] = Object.keys(ranges),
  ) {
    await using temp = await tempFolder();
    const modules = join(temp.path, "node_modules");
    os().writeAsPackage(modules);
    anElement("base").writeAsPackage(modules, { package: "@acme/base", version });
    for (const [name, range] of Object.entries(ranges))
      anElement(name).writeAsPackage(modules, { requires: { base: range } });
    return await resolveIn(temp.path, { elements: ["os", ...asked] });
  }

  test("one that satisfies everybody is taken", async () => {
    const { elements } = await withBase("1.4.0", { a: "^1.0.0", b: ">=1.2" });
    expect(elements.map(({ name, version }) => `${name} ${version}`)).toEqual([
      "base 1.4.0",
      "a 1.0.0",
      "b 1.0.0",
      "os 1.0.0",
    ]);
  });

  test("a prerelease satisfies a range around it", async () => {
    expect((await withBase("1.4.0-rc.1", { a: "^1.0.0" })).elements.map(({ name }) => name)).toContain("base");
  });

  test("a conflict names all who ask, their way here and the command that helps", async () => {
    await expect(withBase("1.4.0", { a: "^1.0.0", b: "^1.5.0" })).rejects.toMatchObject({
      code: "ELEMENT_VERSION_CONFLICT",
      context: {
        name: "base",
        version: "1.4.0",
        askers: [
          { range: "^1.0.0", by: ["a", "base"] },
          { range: "^1.5.0", by: ["b", "base"] },
        ],
        command: "dib add '@acme/base@^1.0.0 ^1.5.0'",
      },
    });
  });

  test("when no version can please all, those who ask are to change", async () => {
    await expect(withBase("1.4.0", { a: "^1.0.0", b: "^2.0.0" })).rejects.toMatchObject({
      code: "ELEMENT_VERSION_CONFLICT",
      context: { command: "dib add dib-element-a@latest dib-element-b@latest" },
    });
  });

  test.each([
    ["1.1.0-rc.1", "^1.0.0", true],
    ["1.0.0-rc.1", "^1.0.0", false],
    ["1.0.0-rc.1", "^1.0.0-rc.0", true],
    ["2.0.0-rc.1", "^1.0.0", false],
    ["2.0.0-rc.1", ">=1", true],
    ["2.0.0-rc.1", "1.x || ^2.0.0-beta", true],
    ["2.0.0-rc.1", "^2.0.0-rc.2", false],
  ])("the pre-release %s and the range %s: %s", async (version, range, isTaken) => {
    const resolved = withBase(version, { a: range });
    if (isTaken) expect((await resolved).elements).toHaveLength(3);
    else await expect(resolved).rejects.toMatchObject({ code: "ELEMENT_VERSION_CONFLICT", context: { version } });
  });

  test("what the user asks for is checked too", async () => {
    await expect(withBase("1.4.0", { a: "^1.0.0" }, ["a", "base@^1.5"])).rejects.toMatchObject({
      code: "ELEMENT_VERSION_CONFLICT",
      context: {
        askers: [
          { range: "^1.5", by: ["base"] },
          { range: "^1.0.0", by: ["a", "base"] },
        ],
      },
    });
  });

  test("a range in element-deps counts, and a folder without a package satisfies every range", async () => {
    await using temp = await tempFolder();
    const local = join(temp.path, "elements");
    for (const element of [os().dependsOn("base@^7  # seven", "", "# only a comment"), anElement("base")])
      element.writeTo(local);
    expect((await resolveIn(temp.path, { elementPaths: [local] })).elements.map(({ name }) => name)).toEqual([
      "base",
      "os",
    ]);
    anElement("base").writeAsPackage(join(temp.path, "first"), { version: "1.0.0" });
    await expect(resolveIn(temp.path, { elementPaths: [join(temp.path, "first"), local] })).rejects.toMatchObject({
      code: "ELEMENT_VERSION_CONFLICT",
    });
  });
});

describe("copies", () => {
  test("a second copy that another package gets for itself is refused with both folders", async () => {
    await using temp = await tempFolder();
    const modules = join(temp.path, "node_modules");
    os().writeAsPackage(modules, { requires: { base: "*" }, peers: { "@acme/base": "*" } });
    const own = anElement("base").writeAsPackage(join(modules, "dib-element-os/node_modules"), {
      package: "@acme/base",
      version: "1.0.1",
    });
    const shared = anElement("base").writeAsPackage(modules, { package: "@acme/base" });
    await expect(resolveIn(temp.path, {})).rejects.toMatchObject({
      code: "ELEMENT_COPIES",
      context: { name: "base", folders: [realpathSync(shared), realpathSync(own)] },
    });
  });

  test("two ways to one folder are one copy", async () => {
    await using temp = await tempFolder();
    const store = join(temp.path, "node_modules/.pnpm/all/node_modules");
    const element = os().writeAsPackage(store, { requires: { base: "*" }, peers: { "@acme/base": "*" } });
    const base = anElement("base").writeAsPackage(store, { package: "@acme/base" });
    mkdirSync(join(temp.path, "node_modules/@acme"));
    symlinkSync(element, join(temp.path, "node_modules/dib-element-os"));
    symlinkSync(base, join(temp.path, "node_modules/@acme/base"));
    expect((await resolveIn(temp.path, {})).elements.map(({ name }) => name)).toEqual(["base", "os"]);
  });

  test("two packages with an element of one name are refused", async () => {
    await using temp = await tempFolder();
    const modules = join(temp.path, "node_modules");
    os().writeAsPackage(modules, { package: "one" });
    os().writeAsPackage(modules, { package: "two" });
    await expect(resolveIn(temp.path, {})).rejects.toMatchObject({ code: "ELEMENT_COPIES" });
  });

  test("what a bundled package gets for itself does not matter when the project has its own", async () => {
    await using temp = await tempFolder();
    const cli = join(temp.path, "cli/node_modules");
    const bundled = [
      os().writeAsPackage(cli, { requires: { base: "*" }, peers: { "@acme/base": "*" } }),
      anElement("base").writeAsPackage(cli, { package: "@acme/base" }),
    ];
    anElement("base").writeAsPackage(join(temp.path, "app/node_modules"), { package: "@acme/base", version: "1.2.0" });
    const { elements } = await resolveIn(join(temp.path, "app"), { bundled });
    expect(elements.map(({ name, version, source }) => `${name} ${version} ${source}`)).toEqual([
      "base 1.2.0 package",
      "os 1.0.0 bundled",
    ]);
  });
});

describe("what can't be resolved", () => {
  const withOs = async (asked: Asked, manifest: PackageFixture = {}) => {
    await using temp = await tempFolder();
    os().writeAsPackage(join(temp.path, "node_modules"), manifest);
    return await resolveIn(temp.path, asked);
  };

  test.each([
    "",
    " ",
    ".",
    "..",
    "/etc",
    "./os",
    "--help",
    "a/b",
    "-rf",
    "a;id",
    "$(id)",
    "__proto__",
    "constructor",
    "os@newest",
  ])("the name %j is refused with where it came from", async (name) => {
    await expect(withOs({ elements: ["os", name] })).rejects.toMatchObject({
      code: "ELEMENT_NAME_INVALID",
      context: { name, origin: "arguments" },
    });
  });

  test("a misspelt name gets the nearest one", async () => {
    await expect(withOs({ elements: ["oss"] })).rejects.toMatchObject({
      code: "ELEMENT_NOT_FOUND",
      context: { name: "oss", nearest: "os" },
    });
  });

  test("a name that others begin with gets those", async () => {
    await using temp = await tempFolder();
    const local = join(temp.path, "elements");
    for (const element of [os(), anElement("disk-b"), anElement("disk-a")]) element.writeTo(local);
    await expect(resolveIn(temp.path, { elements: ["os", "disk"], elementPaths: [local] })).rejects.toMatchObject({
      code: "ELEMENT_NOT_FOUND",
      context: { name: "disk", kinds: ["disk-a", "disk-b"] },
      hint: expect.stringContaining("There are disk-a, disk-b.") as string,
    });
  });

  test("an element of a package that can't be used says why", async () => {
    await expect(withOs({}, { core: "^99" })).rejects.toMatchObject({ code: "ELEMENT_CORE_MISMATCH" });
  });

  test("options of an element that does not exist are refused, of one that is not in the image not", async () => {
    await expect(withOs({ options: { oz: {} } })).rejects.toMatchObject({
      code: "ELEMENT_NOT_FOUND",
      context: { name: "oz", askedBy: ["options"] },
    });
    await using temp = await tempFolder();
    const local = join(temp.path, "elements");
    for (const element of [os(), anElement("other")]) element.writeTo(local);
    expect((await resolveIn(temp.path, { elementPaths: [local], options: { other: {} } })).elements).toHaveLength(1);
  });

  test("an architecture that the element does not support", async () => {
    await expect(withOs({ arch: "arm64" }, { arch: ["amd64"] })).rejects.toMatchObject({
      code: "ELEMENT_ARCH_UNSUPPORTED",
      context: { arch: "arm64", supported: ["amd64"] },
    });
  });

  test("a line of element-deps that is no name", async () => {
    await using temp = await tempFolder();
    os().dependsOn("base", "not a name", "../x").writeTo(join(temp.path, "elements"));
    await expect(resolveIn(temp.path, { elementPaths: [join(temp.path, "elements")] })).rejects.toMatchObject({
      code: "SEVERAL_FINDINGS",
    });
  });
});

test("files of elements that are left out are not read", async () => {
  await using temp = await tempFolder();
  const local = join(temp.path, "elements");
  os().dependsOn("virtual").provides("operating-system", "virtual").writeTo(local);
  anElement("virtual").link("install.d/10-astray", "/etc/shadow").writeTo(local);
  expect((await resolveIn(temp.path, { elementPaths: [local] })).provided).toEqual({ virtual: "os" });
});
