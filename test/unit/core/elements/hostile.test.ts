/** Packages that somebody wrote badly, or with bad intent: each is told by its file, and the others are used. */
import { mkdirSync, realpathSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { coreFolder, coreVersion } from "@dibjs/core/elements/cores.js";
import { discoverElements } from "@dibjs/core/elements/discover.js";
import { loadElement } from "@dibjs/core/elements/load.js";
import { elementNotes } from "@dibjs/core/elements/notes.js";
import { resolveElements } from "@dibjs/core/elements/resolve.js";
import { createExec } from "@dibjs/core/process/exec.js";
import { describe, expect, test } from "vitest";
import { anElement } from "../../../support/build-fixture.js";
import { tempFolder } from "../../../support/temp-folder.js";

const MiB = 2 ** 20;
const discover = (projectDir: string) => discoverElements({ elementPaths: [], bundled: [], projectDir });

/** A project with a good package beside one of this package.json; `name` is the folder. */
async function besides(text: string, name = "bad") {
  const temp = await tempFolder();
  const modules = join(temp.path, "node_modules");
  anElement("good").writeAsPackage(modules);
  const folder = anElement(name).writeTo(modules);
  writeFileSync(join(folder, "package.json"), text);
  const catalog = await discover(temp.path);
  return { temp, folder, catalog, file: join(folder, "package.json") };
}

const manifest = (more: string) => `{ "name": "bad", "version": "1.0.0", "dib": { "apiVersion": 1, ${more} } }`;
const nested = (depth: number) => "[".repeat(depth) + "]".repeat(depth);

describe("a package.json", () => {
  test.each([
    ["a name that is a path", `{ "name": "../bad", "dib": { "apiVersion": 1, "elements": { "bad": "." } } }`, "name"],
    ["a name that is no text", `{ "name": {}, "dib": { "apiVersion": 1, "elements": { "bad": "." } } }`, "name"],
    [
      "no version but a word",
      `{ "version": "new", "dib": { "apiVersion": 1, "elements": { "bad": "." } } }`,
      "version",
    ],
    ["__proto__ in its manifest", manifest(`"elements": { "bad": "." }, "__proto__": { "entry": "./x.js" }`), ""],
    ["__proto__ as an element", manifest(`"elements": { "__proto__": "." }`), "elements.__proto__"],
    ["constructor as an element", manifest(`"elements": { "constructor": "." }`), "elements.constructor"],
    ["an element that is a path", manifest(`"elements": { "../../etc": "." }`), "elements.../../etc"],
    ["an element that is an option", manifest(`"elements": { "-rf": "." }`), "elements.-rf"],
    ["an element without a name", manifest(`"elements": { "": "." }`), "elements."],
    ["100,000 lists in each other", manifest(`"elements": { "bad": "." }, "requires": ${nested(100_000)}`), "requires"],
    ["half of its text", `{ "dib": { "apiVersion": 1, "elements": { "bad"`, ""],
  ])("with %s is refused with its key, and nothing else is", async (_, text, key) => {
    const { temp, catalog, file } = await besides(text);
    await using _temp = temp;
    expect([...catalog.refs.keys()]).toEqual(["good"]);
    expect(catalog.unusable.map(({ error }) => ({ code: error.code, context: error.context }))).toMatchObject([
      { code: "ELEMENT_MANIFEST_INVALID", context: { file, key } },
    ]);
    expect(({} as { entry?: unknown }).entry).toBeUndefined();
  });

  test("of a later manifest version is told as such, to those who ask for its element", async () => {
    const { temp, catalog, file } = await besides(
      `{ "name": "bad", "dib": { "apiVersion": 2, "elements": { "bad": {} } } }`,
    );
    await using _temp = temp;
    const request = { elements: [{ name: "bad", range: "*", origin: "arguments" }], arch: "amd64", base: false };
    await expect(
      resolveElements({ ...request, options: {}, ramdisk: false, ramdiskElement: "ramdisk" }, catalog),
    ).rejects.toMatchObject({ code: "ELEMENT_API_UNSUPPORTED", context: { package: "bad", file, apiVersion: 2 } });
  });

  test("of 50 MB is not read, is a note, and is named to those who miss an element", async () => {
    await using temp = await tempFolder();
    const modules = join(temp.path, "node_modules");
    anElement("good").provides("operating-system").writeAsPackage(modules);
    const folder = anElement("bad").writeAsPackage(modules);
    truncateSync(join(folder, "package.json"), 50 * MiB);
    const before = process.memoryUsage().arrayBuffers;
    const catalog = await discover(temp.path);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(10 * MiB);
    expect([...catalog.refs.keys()]).toEqual(["good"]);
    expect(elementNotes(catalog, { elements: [], askedBy: {}, provided: {} })).toEqual([
      `${folder}/package.json: "dib" manifest: it has 52428800 bytes, 1048576 at most are read. None of its elements is used.`,
    ]);
    const request = { elements: [{ name: "bad", range: "*", origin: "arguments" }], arch: "amd64", base: false };
    await expect(
      resolveElements({ ...request, options: {}, ramdisk: false, ramdiskElement: "ramdisk" }, catalog),
    ).rejects.toMatchObject({ code: "ELEMENT_NOT_FOUND", context: { name: "bad", unreadable: [folder] } });
  });

  test("that is a pipe or a folder is none", async () => {
    await using temp = await tempFolder();
    const folder = join(temp.path, "node_modules/pipe");
    mkdirSync(join(temp.path, "node_modules/folder/package.json"), { recursive: true });
    mkdirSync(folder);
    await createExec()("mkfifo", [join(folder, "package.json")]);
    expect([...(await discover(temp.path)).refs.keys()]).toEqual([]);
  });

  test("may depend on what is no package name; nothing is looked up for it", async () => {
    await using temp = await tempFolder();
    const peers = JSON.parse('{ "../outside": "*", "__proto__": "*", "/etc": "*", "@a/../../outside": "*" }') as object;
    anElement("outside").writeAsPackage(temp.path, { package: "outside" });
    anElement("a").writeAsPackage(join(temp.path, "project/node_modules"), { peers: peers as Record<string, string> });
    const { refs } = await discover(join(temp.path, "project"));
    expect([...refs.keys()]).toEqual(["a"]);
    expect(refs.get("a")?.package?.sees).toEqual({});
  });
});

describe("a core of another major version", () => {
  test.each([
    ["in the manifest", { core: "^99.0.0" }],
    ["as a peer", { peers: { "@dibjs/core": "^99.0.0" } }],
    ["as a peer, though its manifest takes every core", { core: "*", peers: { "@dibjs/core": "^99.0.0" } }],
  ])("that a package needs %s is told with both versions", async (_, more) => {
    await using temp = await tempFolder();
    anElement("newer").writeAsPackage(join(temp.path, "node_modules"), more);
    const { refs, unusable } = await discover(temp.path);
    expect([...refs.keys()]).toEqual([]);
    expect(unusable[0]?.names).toEqual(["newer"]);
    expect(unusable[0]?.error).toMatchObject({
      code: "ELEMENT_CORE_MISMATCH",
      message: `dib-element-newer needs @dibjs/core ^99.0.0, this is ${coreVersion} (${coreFolder}).`,
    });
  });

  test("is told also when the package has found one of its own, which would not be the one that builds", async () => {
    await using temp = await tempFolder();
    const folder = anElement("newer").writeAsPackage(join(temp.path, "node_modules"), {
      peers: { "@dibjs/core": "^99.0.0" },
    });
    const own = join(folder, "node_modules/@dibjs/core");
    mkdirSync(own, { recursive: true });
    writeFileSync(join(own, "package.json"), '{ "name": "@dibjs/core", "version": "99.0.0" }');
    const { unusable } = await discover(temp.path);
    expect(unusable[0]?.error).toMatchObject({
      code: "ELEMENT_CORE_MISMATCH",
      context: { package: "dib-element-newer", range: "^99.0.0", core: coreVersion, other: realpathSync(own) },
    });
  });

  test("is none when the range is the package manager's, or of this core", async () => {
    await using temp = await tempFolder();
    const modules = join(temp.path, "node_modules");
    anElement("linked").writeAsPackage(modules, { peers: { "@dibjs/core": "workspace:*" } });
    anElement("same").writeAsPackage(modules, { peers: { "@dibjs/core": `^${coreVersion}` } });
    expect([...(await discover(temp.path)).refs.keys()]).toEqual(["linked", "same"]);
  });
});

describe("other files of a package", () => {
  test("a packed manifest of 50 MB is refused", async () => {
    await using temp = await tempFolder();
    const modules = join(temp.path, "node_modules");
    const folder = anElement("a").writeAsPackage(modules, { manifest: "./dib-manifest.json" });
    writeFileSync(join(folder, "dib-manifest.json"), "");
    truncateSync(join(folder, "dib-manifest.json"), 50 * MiB);
    const ref = (await discover(temp.path)).refs.get("a");
    await expect(loadElement(ref ?? ({} as never))).rejects.toMatchObject({
      code: "ELEMENT_MANIFEST_INVALID",
      context: { file: join(folder, "dib-manifest.json"), reason: "it has 52428800 bytes, 16777216 at most are read." },
    });
  });

  test.each(["element-deps", "element-provides"])("%s of 50 MB is refused", async (name) => {
    await using temp = await tempFolder();
    const folder = anElement("a").file(name, "").writeAsPackage(join(temp.path, "node_modules"));
    truncateSync(join(folder, name), 50 * MiB);
    const ref = (await discover(temp.path)).refs.get("a");
    await expect(loadElement(ref ?? ({} as never))).rejects.toMatchObject({
      code: "ELEMENT_FILE_INVALID",
      context: { element: "a", file: name },
    });
  });
});
