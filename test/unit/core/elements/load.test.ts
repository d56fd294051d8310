import { chmodSync, realpathSync, writeFileSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { discoverElements } from "@dibjs/core/elements/discover.js";
import { loadElement } from "@dibjs/core/elements/load.js";
import { createExec } from "@dibjs/core/process/exec.js";
import { describe, expect, test } from "vitest";
import { anElement, type ElementFixture, type PackageFixture } from "../../../support/build-fixture.js";
import { tempFolder } from "../../../support/temp-folder.js";
import { vector } from "../../../support/vectors.js";

const loadPlain = (parent: string, element: ElementFixture) =>
  loadElement({ name: element.name, folder: element.writeTo(parent), source: "elements-path", version: "0.0.0-local" });

async function loadInstalled(
  project: string,
  element: ElementFixture,
  written: PackageFixture = {},
  name = element.name,
) {
  element.writeAsPackage(join(project, "node_modules"), written);
  const { refs } = await discoverElements({ elementPaths: [], bundled: [], projectDir: project });
  const ref = refs.get(name);
  if (ref === undefined) throw new Error(`no element ${name}`);
  return loadElement(ref);
}

const pathsOf = ({ files }: { files: readonly { path: string }[] }) => files.map(({ path }) => path);

describe("files of an element", () => {
  const areMerged = async () => {
    await using temp = await tempFolder();
    const element = anElement("a")
      .script("install.d/10-x")
      .script("install.d/B-x")
      .file("install.d/.hidden", "")
      .file("install.d/foo-source-install/1", "")
      .file("environment.d/10-a.bash", "")
      .file("bin/tool", "")
      .file("static/etc/.kept", "")
      .file("package-installs.yaml", "vim:")
      .file("source-repository-a", "")
      .file("element-deps", "base\n")
      .file("element-provides", "x\n")
      .file("README.rst", "")
      .file("stale.pyc", "")
      .file(".gitignore", "")
      .file("tests/test.py", "")
      .file("test-elements/b/README.rst", "")
      .file("__pycache__/x", "")
      .file("node_modules/x/package.json", "{}")
      .file("src/kept-in-a-plain-folder", "")
      .folder("post-install.d");
    expect(pathsOf(await loadPlain(temp.path, element))).toEqual([
      "bin/tool",
      "environment.d/10-a.bash",
      "install.d/10-x",
      "install.d/B-x",
      "install.d/foo-source-install/1",
      "package-installs.yaml",
      "post-install.d",
      "source-repository-a",
      "src/kept-in-a-plain-folder",
      "static/etc/.kept",
    ]);
  };
  vector("hooks/folders", areMerged);
  vector("hooks/top-level", areMerged);

  test("of a package leave out its code, its files and its other elements", async () => {
    await using temp = await tempFolder();
    const element = anElement("a")
      .script("install.d/10-x")
      .file("dist/index.js", "")
      .file("src/index.ts", "")
      .file("index.js", "")
      .file("tsconfig.json", "{}")
      .file("LICENSE", "")
      .file("pkg-map", "{}")
      .file("extra/b/install.d/10-b", "#!/bin/sh");
    expect(pathsOf(await loadInstalled(temp.path, element, { elements: { a: ".", b: "extra/b" } }))).toEqual([
      "install.d/10-x",
      "pkg-map",
    ]);
  });

  test("executables are told by their mode in a folder, by their content in a package", async () => {
    await using temp = await tempFolder();
    const element = () =>
      anElement("a")
        .script("install.d/10-mode")
        .file("install.d/20-content", "#!/bin/sh\n")
        .file("install.d/30-elf", "\x7fELF")
        .file("install.d/40-mode-only", "echo", 0o755)
        .file("bin/tool", "#!/bin/sh\n");
    const executable = ({ files }: Awaited<ReturnType<typeof loadElement>>) =>
      files.filter((file) => file.executable).map(({ path }) => path);
    expect(executable(await loadPlain(temp.path, element()))).toEqual(["install.d/10-mode", "install.d/40-mode-only"]);
    expect(executable(await loadInstalled(temp.path, element()))).toEqual([
      "bin/tool",
      "install.d/10-mode",
      "install.d/20-content",
      "install.d/30-elf",
    ]);
  });

  test.each([
    ["#!/bin/sh\necho", "script"],
    ["#!/bin/sh\r\necho", "script-crlf"],
    ["#!/bin/sh\necho\r\n", "script"],
    ["\x7fELF...", "elf"],
    ["echo", "other"],
    ["\uFEFF#!/bin/sh\n", "other"],
    ["", "empty"],
  ])("one that begins with %j is told as %s", async (content, opening) => {
    await using temp = await tempFolder();
    const { files } = await loadPlain(
      temp.path,
      anElement("a").script("install.d/10-ok").file("install.d/20-x", content),
    );
    expect(files.find(({ path }) => path === "install.d/20-x")?.opening).toBe(opening);
  });
});

describe("links", () => {
  test("inside the element are taken as what they lead to, files and folders", async () => {
    await using temp = await tempFolder();
    const element = anElement("a")
      .script("install.d/10-x", "echo x")
      .link("install.d/20-same", "10-x")
      .link("post-install.d", "install.d")
      .link("bin/tool", "../install.d/10-x");
    const { files } = await loadPlain(temp.path, element);
    const [original] = files.filter(({ path }) => path === "install.d/10-x");
    expect(
      files.map(({ path, kind, executable, digest }) => [path, kind, executable, digest === original?.digest]),
    ).toEqual([
      ["bin/tool", "file", true, true],
      ["install.d/10-x", "file", true, true],
      ["install.d/20-same", "file", true, true],
      ["post-install.d/10-x", "file", true, true],
      ["post-install.d/20-same", "file", true, true],
    ]);
  });

  test("below static belong to the image and stay, wherever they lead", async () => {
    await using temp = await tempFolder();
    const { files } = await loadPlain(
      temp.path,
      anElement("a").link("static/etc/localtime", "/usr/share/zoneinfo/UTC").link("static/x", "../../../../y"),
    );
    expect(files.map(({ path, kind, linkTarget }) => [path, kind, linkTarget])).toEqual([
      ["static/etc/localtime", "link", "/usr/share/zoneinfo/UTC"],
      ["static/x", "link", "../../../../y"],
    ]);
  });

  test("that lead nowhere inside the element stay and are no scripts", async () => {
    await using temp = await tempFolder();
    const { files } = await loadPlain(temp.path, anElement("a").link("install.d/10-gone", "gone"));
    expect(files).toMatchObject([{ path: "install.d/10-gone", kind: "link", executable: false }]);
  });

  test.each([
    ["an absolute file", "install.d/10-x", "/etc/passwd"],
    ["a file that does not exist here", "install.d/10-x", "/no/such/file"],
    ["a sibling", "install.d/10-x", "../../other/install.d/10-x"],
    ["a folder above", "install.d", "../.."],
  ])("to %s lead out of the element and are refused", async (_, path, target) => {
    await using temp = await tempFolder();
    anElement("other").script("install.d/10-x").writeTo(temp.path);
    await expect(loadPlain(temp.path, anElement("a").link(path, target))).rejects.toMatchObject({
      code: "ELEMENT_FILE_INVALID",
      context: { element: "a", file: path },
    });
  });

  test("that lead out by way of another link are refused", async () => {
    await using temp = await tempFolder();
    writeFileSync(join(temp.path, "secret"), "");
    const element = anElement("a").link("static/out", "../../secret").link("install.d/10-x", "../static/out");
    await expect(loadPlain(temp.path, element)).rejects.toMatchObject({
      code: "ELEMENT_FILE_INVALID",
      context: { file: "install.d/10-x" },
    });
  });

  test("may lead to another element of the same package", async () => {
    await using temp = await tempFolder();
    const element = anElement("a")
      .script("elements/b/install.d/10-x")
      .link("elements/a/install.d/10-x", "../../b/install.d/10-x");
    expect(
      pathsOf(await loadInstalled(temp.path, element, { elements: { a: "elements/a", b: "elements/b" } })),
    ).toEqual(["install.d/10-x"]);
  });

  test.each([
    ["itself", "install.d/10-x", "10-x"],
    ["a folder it is in", "install.d/sub/again", "../../install.d"],
    ["the element", "install.d/again", ".."],
  ])("to %s end in an error", async (_, path, target) => {
    await using temp = await tempFolder();
    await expect(loadPlain(temp.path, anElement("a").link(path, target))).rejects.toMatchObject({
      code: "ELEMENT_FILE_INVALID",
      context: { file: expect.stringContaining(path) as string },
    });
  });
});

test.each(["install.d", "static"])("a FIFO in %s is refused and never opened", async (folder) => {
  await using temp = await tempFolder();
  const element = anElement("a").folder(folder);
  const path = element.writeTo(temp.path);
  await createExec()("mkfifo", [join(path, folder, "10-fifo")]);
  await expect(loadPlain(temp.path, element)).rejects.toMatchObject({
    code: "ELEMENT_FILE_INVALID",
    context: { file: `${folder}/10-fifo` },
  });
});

describe("a phase of which nothing would run", () => {
  test("is an error in a package", async () => {
    await using temp = await tempFolder();
    const element = anElement("a").script("install.d/10-x").file("root.d/10-y", "echo").script("root.d/20-z.sh");
    await expect(loadInstalled(temp.path, element)).rejects.toMatchObject({
      code: "ELEMENT_FILE_INVALID",
      context: { element: "a", file: "root.d" },
      hint: "Begin what is to run with #!, such as #!/bin/bash.",
    });
  });

  test("is an error in a folder when nothing of the element would run", async () => {
    await using temp = await tempFolder();
    const element = anElement("a").file("install.d/10-x", "#!/bin/sh\n").file("root.d/10-y", "#!/bin/sh\n");
    await expect(loadPlain(temp.path, element)).rejects.toMatchObject({ code: "SEVERAL_FINDINGS" });
  });

  test("is none where other scripts run and it has no #!, as in an element of DIB, also as a package", async () => {
    await using temp = await tempFolder();
    const element = anElement("a").script("install.d/10-x").file("cleanup.d/99-y", "set -e\n");
    expect(pathsOf(await loadPlain(temp.path, element))).toHaveLength(2);
    expect(pathsOf(await loadInstalled(temp.path, element))).toHaveLength(2);
  });

  test.each([
    ["only folders", anElement("a").file("install.d/a-source-install/10-x", "#!/bin/sh\n")],
    ["a list of packages", anElement("a").file("install.d/package-installs-a", "vim\n")],
    ["a text", anElement("a").file("install.d/NOTES.txt", "none")],
    ["nothing", anElement("a").folder("install.d")],
  ])("is none with %s in it", async (_, element) => {
    await using temp = await tempFolder();
    expect((await loadPlain(temp.path, element)).name).toBe("a");
    expect((await loadInstalled(temp.path, element)).name).toBe("a");
  });
});

describe("the digest", () => {
  const element = () => anElement("a").script("install.d/10-x", "echo").file("static/x", "x");

  test("is the same in another folder and with another time, owner's mask and entry order", async () => {
    await using one = await tempFolder();
    await using other = await tempFolder();
    const first = await loadPlain(one.path, element());
    const folder = join(other.path, "deep/er");
    await mkdir(folder, { recursive: true });
    const second = element();
    second.writeTo(folder);
    chmodSync(join(folder, "a/static/x"), 0o600);
    chmodSync(join(folder, "a/install.d/10-x"), 0o700);
    const loaded = await loadElement({
      name: "a",
      folder: join(folder, "a"),
      source: "elements-path",
      version: "0.0.0-local",
    });
    expect([loaded.digest, loaded.files]).toEqual([first.digest, first.files]);
  });

  test.each([
    ["content", () => element().script("install.d/10-x", "echo 2")],
    ["mode", () => element().file("install.d/10-x", "#!/bin/bash\necho\n").script("install.d/20-y")],
    ["an empty folder", () => element().folder("root.d")],
    ["dependencies", () => element().dependsOn("base")],
    ["provides", () => element().provides("x")],
  ])("changes with %s", async (_, changed) => {
    await using one = await tempFolder();
    await using other = await tempFolder();
    expect((await loadPlain(one.path, element())).digest).not.toBe((await loadPlain(other.path, changed())).digest);
  });

  test("of a typed element changes with its code, not with its source maps", async () => {
    const digestWith = async (files: Readonly<Record<string, string>>) => {
      await using temp = await tempFolder();
      const typed = element();
      for (const [path, content] of Object.entries({ "dist/index.js": "export {}", ...files }))
        typed.file(path, content);
      return (await loadInstalled(temp.path, typed, { entry: "./dist/index.js" })).digest;
    };
    const plain = await digestWith({});
    expect(await digestWith({ "dist/index.js.map": "{}", "dist/index.d.ts": "" })).toBe(plain);
    expect(await digestWith({ "dist/steps/install.js": "export {}" })).not.toBe(plain);
    expect(await digestWith({ "dist/index.js": "export default 1" })).not.toBe(plain);
  });
});

test("what the manifest says of needs, variables and hosts is on the element", async () => {
  await using temp = await tempFolder();
  const element = await loadInstalled(temp.path, anElement("a").dependsOn("base@^1").provides("x", "a"), {
    requires: { base: "^1", vm: ">=2", a: "*" },
    provides: { a: ["y"], b: ["z"] },
    entry: "./dist/index.js",
    arch: ["amd64"],
    cache: false,
    reads: ["root"],
    network: ["finalise"],
    elements: { a: ".", b: "b" },
    hostCommands: [{ command: "mtools" }, { command: "jq", elements: ["a"] }, { command: "git", elements: ["b"] }],
    variables: { TOKEN: { secret: true } },
  });
  expect(element).toMatchObject({
    dependencies: [
      { name: "base", range: "^1" },
      { name: "vm", range: ">=2" },
    ],
    provides: ["x", "y"],
    entry: join(realpathSync(temp.path), "node_modules/dib-element-a/dist/index.js"),
    arch: ["amd64"],
    isCacheable: false,
    reads: ["root"],
    network: ["finalise"],
    hostCommands: [{ command: "mtools" }, { command: "jq" }],
    variables: { TOKEN: { secret: true } },
  });
});
