import { readFileSync } from "node:fs";
import { join } from "node:path";
import { planImage } from "@dibjs/core/build.js";
import { loadConfig } from "@dibjs/core/config/load.js";
import { canonicalJson, planDigest } from "@dibjs/core/plan/digest.js";
import { describe, expect, test } from "vitest";
import { anElement, type ElementFixture } from "../../../support/build-fixture.js";
import { tempFolder } from "../../../support/temp-folder.js";

const os = () => anElement("os").provides("operating-system").script("root.d/10-os");

interface Asked {
  readonly elements?: readonly string[];
  readonly formats?: readonly string[];
  readonly flags?: Readonly<Record<string, unknown>>;
  readonly env?: Readonly<Record<string, string>>;
  readonly configText?: string;
}

/** Writes the elements into a project and plans an image of them. */
async function planIn(
  project: string,
  fixtures: readonly ElementFixture[],
  { elements = fixtures.map(({ name }) => name), formats = ["tar"], flags = {}, env = {} }: Asked = {},
) {
  const folder = join(project, "elements");
  for (const fixture of fixtures) fixture.writeTo(folder);
  const { images } = await loadConfig({
    cwd: project,
    elements,
    elementPaths: [folder],
    flags: { base: false, arch: "amd64", output: "image", formats, ...flags },
    env: { PATH: "/usr/bin:/bin", HOME: "/root", ...env },
  });
  const [config] = images;
  if (config === undefined) throw new Error("no image");
  return planImage(config);
}

async function planOf(fixtures: readonly ElementFixture[], asked: Asked = {}) {
  await using temp = await tempFolder();
  return await planIn(temp.path, fixtures, asked);
}

describe("a plan", () => {
  const everything = () => [
    os().dependsOn("base"),
    anElement("base")
      .script("install.d/10-b")
      .script("install.d/9-a")
      .file("environment.d/2-x", "")
      .file("environment.d/10-x.bash", "")
      .file("static/etc/x", "x"),
    anElement("layout").file(
      "block-device-default.yaml",
      "- local_loop:\n    name: image0\n    mkfs:\n      name: mkfs_root\n      mount:\n        mount_point: /\n        fstab:\n          options: defaults\n",
    ),
  ];

  test("says what is built of what, in order", async () => {
    const { plan } = await planOf(everything(), {
      elements: ["os", "layout"],
      formats: ["raw", "tar"],
      env: { DIB_RELEASE: "bookworm" },
    });
    expect(plan.elements.map(({ name, askedBy }) => [name, askedBy])).toEqual([
      ["base", ["os", "base"]],
      ["layout", ["layout"]],
      ["os", ["os"]],
    ]);
    expect(plan.asked).toEqual(["os", "layout"]);
    expect(plan.environmentFiles).toEqual(["10-x.bash", "2-x"]);
    expect(
      plan.phases
        .filter(({ scripts }) => scripts.length > 0)
        .map(({ phase, scripts }) => [phase, ...scripts.map(({ name }) => name)]),
    ).toEqual([
      ["root", "10-os"],
      ["install", "9-a", "10-b"],
    ]);
    expect(plan.outputs.map(({ format, from }) => `${format} ${from}`)).toEqual(["raw disk", "tar tree"]);
    expect(plan.environment.find(({ name }) => name === "DIB_RELEASE")).toEqual({
      name: "DIB_RELEASE",
      value: "bookworm",
      secret: false,
      origin: "environment",
    });
  });

  test("is the same to the byte on another path, for another user, in another time zone and language", async () => {
    const asked: Asked = { elements: ["os", "layout"], formats: ["raw"] };
    await using one = await tempFolder();
    await using other = await tempFolder();
    const umask = process.umask(0o077);
    const first = await planIn(one.path, everything(), {
      ...asked,
      env: { HOME: "/root", TZ: "UTC", LANG: "C", USER: "root" },
    }).finally(() => process.umask(umask));
    const second = await planIn(join(other.path, "deeper down"), [...everything()].reverse(), {
      ...asked,
      env: {
        HOME: "/home/somebody",
        TZ: "Pacific/Kiritimati",
        LANG: "tr_TR.UTF-8",
        LC_ALL: "tr_TR.UTF-8",
        USER: "somebody",
      },
    });
    expect(canonicalJson(second.plan)).toBe(canonicalJson(first.plan));
    expect(JSON.stringify(second.plan)).toBe(JSON.stringify(first.plan));
    expect(planDigest(second.plan)).toBe(planDigest(first.plan));
    for (const text of [one.path, "somebody", "Kiritimati"]) expect(canonicalJson(first.plan)).not.toContain(text);
  });

  test("survives JSON as it is", async () => {
    const { plan } = await planOf(everything(), { elements: ["os", "layout"], formats: ["raw"] });
    expect(canonicalJson(JSON.parse(JSON.stringify(plan)))).toBe(canonicalJson(plan));
  });

  test.each([
    ["a script", () => [os(), anElement("base").script("install.d/10-b", "echo changed")]],
    ["a file deep down", () => [os(), anElement("base").script("install.d/10-b").file("static/a/b/c", "")]],
  ])("has another digest when %s changes", async (_, changed) => {
    const before = await planOf([os(), anElement("base").script("install.d/10-b")]);
    expect(planDigest((await planOf(changed())).plan)).not.toBe(planDigest(before.plan));
  });
});

describe("the disk", () => {
  const layoutWith = (label: string) =>
    `- local_loop:\n    name: image0\n    mkfs:\n      name: mkfs_root\n      label: ${label}\n      mount:\n        mount_point: /\n`;
  const rootLabel = async (fixtures: readonly ElementFixture[], asked: Asked = {}) =>
    (await planOf(fixtures, { formats: ["raw"], ...asked })).plan.disk;

  test("is there only when an output is made from it", async () => {
    expect((await planOf([os()], { formats: ["tar"] })).plan.disk).toBeUndefined();
    expect((await planOf([os()], { formats: ["tar", "qcow2"] })).plan.disk?.origin).toBe("default");
  });

  test("is that of the first element with one for the architecture, else a default one", async () => {
    const fixtures = [
      os(),
      anElement("a")
        .file("block-device-default.yaml", layoutWith("any"))
        .file("block-device-amd64.yaml", layoutWith("amd64")),
      anElement("b").file("block-device-amd64.yaml", layoutWith("later")),
    ];
    expect(await rootLabel(fixtures)).toMatchObject({ origin: "element a", rootLabel: "amd64" });
    expect(await rootLabel(fixtures, { flags: { arch: "arm64" } })).toMatchObject({
      origin: "element a",
      rootLabel: "any",
    });
  });

  test("is what DIB_BLOCK_DEVICE_CONFIG says, before any element", async () => {
    const fixtures = [os(), anElement("a").file("block-device-default.yaml", layoutWith("element"))];
    expect((await rootLabel(fixtures, { env: { DIB_BLOCK_DEVICE_CONFIG: layoutWith("given") } }))?.rootLabel).toBe(
      "given",
    );
  });

  test("that makes no sense is refused with the element", async () => {
    await expect(
      rootLabel([os(), anElement("a").file("block-device-default.yaml", "- nothing_known: {}\n")]),
    ).rejects.toMatchObject({ code: "BLOCK_DEVICE_CONFIG_INVALID", context: { place: "element a:1:3" } });
  });
});

describe("what is wrong with elements is found before anything runs", () => {
  test("all of it together", async () => {
    const fixtures = [
      os(),
      anElement("a").script("install.d/10-x").file("install.d/20-crlf", "#!/bin/sh\r\necho\r\n", 0o755),
      anElement("b").script("install.d/10-x").file("install.d/30-none", "echo", 0o755),
    ];
    const plan = planOf(fixtures);
    await expect(plan).rejects.toMatchObject({
      code: "SEVERAL_FINDINGS",
      kind: "request",
      context: {
        findings: [{ code: "PLAN_SCRIPT_CLASH" }, { code: "PLAN_SCRIPT_INVALID" }, { code: "PLAN_SCRIPT_INVALID" }],
      },
    });
    await expect(plan).rejects.toThrow("install.d/10-x (in a and b)");
  });

  test("what is only passed over is a note", async () => {
    expect((await planOf([os().script("install.d/10-x.sh")])).notes).toEqual([
      "os: install.d/10-x.sh does not run: its name has more than letters, digits, _ and -.",
    ]);
  });

  test("a format that does not exist", async () => {
    await expect(planOf([os()], { formats: ["tarr"] })).rejects.toMatchObject({ code: "FORMAT_UNKNOWN" });
  });
});

describe("typed elements", () => {
  const typed = (source: string) => anElement("typed").file("index.mjs", source);
  const planTyped = async (source: string, asked: Asked = {}) => {
    await using temp = await tempFolder();
    typed(source).writeAsPackage(join(temp.path, "node_modules"), { entry: "./index.mjs" });
    return await planIn(temp.path, [os()], { elements: ["os", "typed"], ...asked });
  };

  test("bring steps, environment, formats and their host commands into the plan", async () => {
    const source = `export default { name: "typed", setup(api) {
      api.addScript("root", "5-first", () => {});
      api.addEnvironment("10-typed", { DIB_TYPED: "yes" });
      api.addFormat({ name: "zip", from: "tree", extension: "zip", hostCommands: [{ command: "zip", debian: "zip" }], write: async () => undefined });
    } };`;
    const { plan } = await planTyped(source, { formats: ["zip"] });
    expect(plan.phases[0]?.scripts).toEqual([
      { name: "5-first", element: "typed", kind: "typescript" },
      { name: "10-os", element: "os", kind: "shell" },
    ]);
    expect(plan.environmentFiles).toEqual(["10-typed.bash"]);
    expect(plan.outputs).toEqual([{ format: "zip", from: "tree", extension: "zip" }]);
    expect(plan.hostCommands).toEqual([{ command: "zip", debian: "zip", neededFor: "format zip" }]);
    expect(plan.elements.find(({ name }) => name === "typed")).toMatchObject({
      isTyped: true,
      package: "dib-element-typed",
      version: "1.0.0",
    });
  });

  test("may change the plan and add to the set through hooks", async () => {
    const source = `export default { name: "typed", setup({ hooks }) { hooks.plan.tap((plan) => ({ ...plan, packages: ["added"] })); } };`;
    expect((await planTyped(source)).plan.packages).toEqual(["added"]);
  });
});

test("the first-party packages all have a manifest that core accepts", async () => {
  const names = [
    "base",
    "debian",
    "ubuntu",
    "vm",
    "block-device",
    "bootloader",
    "cloud-init",
    "openssh",
    "users",
    "growroot",
  ];
  const { readPackage } = await import("@dibjs/core/elements/package.js");
  const found = await Promise.all(
    names.map((name) => readPackage(join(import.meta.dirname, "../../../../packages", `element-${name}`))),
  );
  expect(
    found.map((each) => (each === undefined ? "no manifest" : "error" in each ? each.error.message : "ok")),
  ).toEqual(names.map(() => "ok"));
});

test("no file of the plan compares text by the user's language", () => {
  const files = [
    "plan/assemble.ts",
    "plan/environment.ts",
    "plan/digest.ts",
    "plan/hook-files.ts",
    "elements/expand.ts",
    "elements/order.ts",
    "elements/files.ts",
    "phases/order.ts",
  ];
  const sources = files.map((file) =>
    readFileSync(join(import.meta.dirname, "../../../../packages/core/src", file), "utf8"),
  );
  expect(sources.filter((source) => /localeCompare|toLocale|Intl\./.test(source))).toEqual([]);
});
