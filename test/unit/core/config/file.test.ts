import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { readConfigFile } from "@dibjs/core/config/file.js";
import { describe, expect, test } from "vitest";
import { aFolder, failureOf, load, loadPlain, loadYaml, only } from "./config-folder.js";

describe("finding the config file", () => {
  test.each([
    ["dib.config.ts", 'const name: string = "vm";\nexport default { elements: [name], output: "x" };'],
    ["dib.config.mjs", 'export default { elements: ["vm"], output: "x" };'],
    ["dib.config.cjs", 'module.exports = { elements: ["vm"], output: "x" };'],
    ["dib.config.yaml", "elements: [vm]\noutput: x"],
    ["dib.config.yml", "elements: vm\noutput: x"],
    ["dib.config.json", '{ "elements": ["vm"],\n\t"output": "x" }'],
    ["package.json", '{ "name": "mine", "dib": { "elements": ["vm"], "output": "x" } }'],
  ])("%s is found and read", async (name, text) => {
    const { images, file, folder } = await load({ [name]: text });
    expect(file).toBe(join(folder, name));
    expect(only(images)).toMatchObject({ output: "x", elements: [{ name: "vm", range: "*" }], projectDir: folder });
  });

  test("a .js file is read as the package says, ES module or CommonJS", async () => {
    const esm = await load({
      "package.json": '{ "type": "module" }',
      "dib.config.js": 'export default { output: "esm" };',
    });
    const cjs = await load({
      "package.json": '{ "type": "commonjs" }',
      "dib.config.js": 'module.exports = { output: "cjs" };',
    });
    expect([only(esm.images).output, only(cjs.images).output]).toEqual(["esm", "cjs"]);
  });

  test("the search goes up to the folder of the project's package.json, and no further", async () => {
    const outer = await aFolder({ "dib.config.yaml": "output: outer", "inner/package.json": "{}", "deep/er/file": "" });
    expect((await readConfigFile(join(outer, "deep/er")))?.path).toBe(join(outer, "dib.config.yaml"));
    expect(await readConfigFile(join(outer, "inner"))).toBe(undefined);
  });

  test("the manifest of an element package is no config", async () => {
    const manifest = { apiVersion: 1, elements: { motd: "." } };
    const { file } = await load({ "package.json": JSON.stringify({ dib: manifest }) });
    const noVersion = await load({ "package.json": JSON.stringify({ dib: { elements: { motd: "." } } }) });
    expect([file, noVersion.file]).toEqual([undefined, undefined]);
  });

  test("of two in one folder a note says which is taken; a manifest beside it is not one of them", async () => {
    const both = await load({ "dib.config.yaml": "output: a", "dib.config.json": '{ "output": "b" }' });
    expect(only(both.images).output).toBe("a");
    expect(both.notes).toEqual(["dib.config.yaml is used; dib.config.json beside it is not."]);
    const withManifest = await load({
      "dib.config.yaml": "output: a",
      "package.json": '{ "dib": { "apiVersion": 1 } }',
    });
    expect(withManifest.notes).toEqual([]);
  });

  test("an empty file counts as none", async () => {
    expect((await load({ "dib.config.yaml": "# nothing yet\n" })).file).toBe(undefined);
  });

  test("a file given by name is read wherever it is, relative to where the user stands", async () => {
    const { images, file, folder } = await load(
      { "conf/other.yaml": "output: given", "dib.config.yaml": "output: found" },
      { configFile: "conf/other.yaml" },
    );
    expect(only(images)).toMatchObject({ output: "given", projectDir: join(folder, "conf") });
    expect(file).toBe(join(folder, "conf/other.yaml"));
  });

  test("DIB's own commands search no config file", async () => {
    expect(only((await load({ "dib.config.yaml": "output: found" }, { dropIn: true })).images).output).toBe("image");
  });
});

describe("a file that can't be read", () => {
  test("a missing one is named", async () => {
    const error = await failureOf(loadPlain({ configFile: "no.yaml" }));
    expect([error.code, error.context]).toEqual(["CONFIG_NOT_FOUND", { file: "no.yaml" }]);
  });

  test.each([
    ["a key twice", "output: a\narch: amd64\noutput: b\n", 3, 1],
    ["a tab", "elements:\n\t- vm\n", 2, 1],
    ["a list that does not end", "output: a\nelements: [vm,\n", 3, 1],
    ["two documents", "output: a\n---\noutput: b\n", 2, 1],
    ["a tag of JavaScript", "output: a\narch: !!js/function 'x'\n", 2, 7],
    ["an anchor that is nowhere", "output: a\narch: *nobody\n", 2, 7],
    ["a key that is no text", "output: a\n? [a]\n: b\n", 2, 3],
  ])("%s in YAML is refused with its place", async (_, text, line, column) => {
    const error = await failureOf(loadYaml(text));
    expect(error.code).toBe("CONFIG_UNREADABLE");
    expect(error.context).toMatchObject({ place: { file: "dib.config.yaml", line, column } });
  });

  test("an alias bomb is refused at once, with the line of its first anchor", async () => {
    const levels = Array.from(
      { length: 12 },
      (_, level) => `x${level + 1}: &x${level + 1} [${Array(9).fill(`*x${level}`).join(", ")}]`,
    );
    const started = performance.now();
    const error = await failureOf(loadYaml(["output: a", "x0: &x0 [lol]", ...levels].join("\n")));
    expect(performance.now() - started).toBeLessThan(5000);
    expect(error.code).toBe("CONFIG_UNREADABLE");
    expect(error.context).toMatchObject({ place: { file: "dib.config.yaml", line: 2 } });
  });

  test("nesting without end is refused", async () => {
    expect((await failureOf(loadYaml(`options:\n  vm:\n    a: ${"[".repeat(200)}${"]".repeat(200)}`))).code).toBe(
      "CONFIG_UNREADABLE",
    );
    expect((await failureOf(loadYaml("[".repeat(100_000)))).code).toBe("CONFIG_UNREADABLE");
    const circular = "const a = {}; a.a = a;\nexport default { options: { vm: a } };";
    expect((await failureOf(load({ "dib.config.mjs": circular }))).code).toBe("CONFIG_UNREADABLE");
  });

  test("UTF-16 is refused", async () => {
    const folder = await aFolder({});
    await writeFile(join(folder, "dib.config.yaml"), Buffer.from("\uFEFFoutput: a\n", "utf16le"));
    expect((await failureOf(readConfigFile(folder))).code).toBe("CONFIG_UNREADABLE");
  });

  test("more than 1 MiB is refused", async () => {
    expect((await failureOf(loadYaml(`output: a\n#${"x".repeat(2 ** 20)}`))).code).toBe("CONFIG_UNREADABLE");
  });

  test("malformed JSON has a place, in package.json too", async () => {
    const json = await failureOf(load({ "dib.config.json": '{\n  "output": "a"\n  "arch": "b"\n}' }));
    expect(json.context).toMatchObject({ place: { file: "dib.config.json", line: 3 } });
    const manifest = await failureOf(load({ "package.json": '{\n  "name": "x",\n  "dib" }' }));
    expect([json.code, manifest.code]).toEqual(["CONFIG_UNREADABLE", "CONFIG_UNREADABLE"]);
    expect(manifest.context).toMatchObject({ place: { file: "package.json" } });
  });

  test.each([
    ["dib.config.ts", 'export default {\n  output: "a",,\n};'],
    ["dib.config.mjs", 'export default {\n  output: "a",,\n};'],
  ])("a syntax error in %s has a line", async (name, text) => {
    const error = await failureOf(load({ [name]: text }));
    expect(error.code).toBe("CONFIG_UNREADABLE");
    expect(error.context).toMatchObject({ place: { file: name, line: 2 } });
  });

  test("a module that throws, or exports no object, is refused", async () => {
    const throws = await failureOf(load({ "dib.config.mjs": 'throw new Error("no luck");' }));
    expect(throws.context).toMatchObject({ place: { file: "dib.config.mjs" }, reason: "no luck" });
    const nothing = await failureOf(load({ "dib.config.mjs": "export const a = 1;" }));
    expect([throws.code, nothing.code]).toEqual(["CONFIG_UNREADABLE", "CONFIG_UNREADABLE"]);
  });

  test("a folder, an unknown ending and a package.json without config are refused when named", async () => {
    const folder = await aFolder({ "dib.toml": "a = 1" });
    await mkdir(join(folder, "dib.yaml"));
    for (const configFile of ["dib.yaml", "dib.toml", "package.json"]) {
      expect((await failureOf(readConfigFile(folder, join(folder, configFile)))).code).toBe("CONFIG_UNREADABLE");
    }
  });
});

describe("what YAML means", () => {
  test("a byte order mark and CRLF are no problem", async () => {
    expect((await loadYaml("\uFEFFoutput: a\r\narch: arm64\r\n")).output).toBe("a");
    expect(only((await load({ "package.json": '\uFEFF{ "dib": { "output": "b" } }' })).images).output).toBe("b");
  });

  test("a secret that looks like a number stays as written, and is never shown", async () => {
    const { environment } = await loadYaml("environment:\n  PW: { secret: 012.50 }\n");
    expect(environment.PW).toMatchObject({ value: "012.50", secret: true });
    const error = await failureOf(
      load({ "dib.config.mjs": "export default { environment: { PW: { secret: 123456 } } }" }),
    );
    expect(error.code).toBe("CONFIG_VALUE_INVALID");
    expect(error.message).not.toContain("123456");
    expect(error.message).toContain("environment.PW.secret");
  });

  test("numbers among variables stay as they are written", async () => {
    const { environment } = await loadYaml(
      "environment:\n  DIB_RELEASE: 22.10\n  DIB_MODE: 0755\n  DIB_ON: true\n  DIB_YES: yes\n",
    );
    expect(Object.values(environment).map(({ value }) => value)).toEqual(["0755", "true", "22.10", "yes"]);
  });

  test("merge keys share settings between images", async () => {
    const { images } = await load({
      "dib.config.yaml": "images:\n  a: &a\n    elements: [vm]\n    arch: arm64\n  b:\n    <<: *a\n    arch: amd64\n",
    });
    expect(images.map(({ arch, elements }) => [arch, elements[0]?.name])).toEqual([
      ["arm64", "vm"],
      ["amd64", "vm"],
    ]);
  });
});
