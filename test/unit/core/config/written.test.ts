import { readFile } from "node:fs/promises";
import { defineConfig } from "@dibjs/core/config/define-config.js";
import { writtenConfigSchema } from "@dibjs/core/config/written.js";
import { describe, expect, test } from "vitest";
import { codesOf, failureOf, load, loadYaml } from "./config-folder.js";

describe("an unknown key", () => {
  test.each([
    ["at the top", "output: a\nelments: [vm]\n", "elments", 2, 1, "elements"],
    ["in an image", "images:\n  web:\n    archh: amd64\n", "archh", 3, 5, "arch"],
    ["in an element", "elements:\n  - name: vm\n    verson: ^1.0.0\n", "verson", 3, 5, "version"],
    ["in a secret", "environment:\n  DIB_X: { fromFil: x }\n", "fromFil", 2, 12, "fromFile"],
    ["in tmpfs", "tmpfs: { minGib: 2 }\n", "minGib", 1, 10, "minGiB"],
    ["that DIB knows", "image-size: 5\n", "image-size", 1, 1, "imageSizeGiB"],
    ["of DIB's YAML", "imagename: x\n", "imagename", 1, 1, "output"],
    ["like nothing else", "zzzzzzzzzzzz: 5\n", "zzzzzzzzzzzz", 1, 1, undefined],
    ["that is for all images", "images:\n  a:\n    elementPaths: [x]\n", "elementPaths", 3, 5, undefined],
  ])("%s is refused with its place and the nearest one", async (_, text, key, line, column, nearest) => {
    const error = await failureOf(loadYaml(text));
    expect(error.code).toBe("CONFIG_KEY_UNKNOWN");
    expect(error.context).toEqual({ place: { file: "dib.config.yaml", line, column }, key, nearest });
  });

  test("__proto__ is one, anywhere, and reaches no prototype", async () => {
    for (const text of [
      "__proto__: { base: false }\n",
      "options:\n  vm:\n    __proto__: { polluted: true }\n",
      "environment: { __proto__: x }\n",
    ]) {
      expect((await failureOf(loadYaml(text))).code).toBe("CONFIG_KEY_UNKNOWN");
    }
    const json = '{ "images": { "__proto__": { "arch": "arm64" } } }';
    expect((await failureOf(load({ "dib.config.json": json }))).code).toBe("CONFIG_KEY_UNKNOWN");
    expect(({} as { polluted?: boolean }).polluted).toBe(undefined);
  });

  test("in a module has no line, only the file", async () => {
    const error = await failureOf(load({ "dib.config.mjs": "export default { elments: [] };" }));
    expect(error.context).toMatchObject({ place: { file: "dib.config.mjs" }, key: "elments" });
    expect(error.message).toBe('dib.config.mjs: unknown key "elments".');
  });

  test("in package.json has its place there", async () => {
    const error = await failureOf(load({ "package.json": '{\n  "dib": {\n    "elments": []\n  }\n}' }));
    expect(error.context).toMatchObject({ place: { file: "package.json", line: 3, column: 5 } });
  });
});

describe("a wrong value", () => {
  test.each([
    ["imageSizeGiB: big", "imageSizeGiB", '"big"', "a positive number", 15],
    ["imageSizeGiB: -1", "imageSizeGiB", "-1", "a positive number", 15],
    ["imageSizeGiB: .nan", "imageSizeGiB", "NaN", "a positive number", 15],
    ["maxOnlineResize: 1.5", "maxOnlineResize", "1.5", "a positive whole number", 18],
    ["base: yes", "base", '"yes"', "true or false", 7],
    ["elements: 5", "elements", "5", "a list of elements", 11],
    ["elements: [vm, 5]", "elements.1", "5", 'an element, as "vm", "vm@^1.2" or { name, version, options }', 16],
    ["elements: [{ name: vm, version: 1 }]", "elements.0.version", "1", "a semver range, in quotes", 33],
    [
      "environment: { A: [1] }",
      "environment.A",
      "a list",
      "text, a number, true, false, { fromEnv }, { fromFile } or { secret }",
      19,
    ],
    ["checksum: { a: 1 }", "checksum", "a map", "true, false, or a list of md5 and sha256", 11],
    ["sectorSizeBytes: 1024", "sectorSizeBytes", "1024", "512 or 4096", 18],
    ["images: [a]", "images", "a list", "a map from image to settings", 9],
    ["- vm", "the config", "a list", "a map of settings", 1],
    ["images:\n  web: 5", "images.web", "5", "a map of settings", 8],
  ])("%s is refused with place, value and what was expected", async (text, key, value, expected, column) => {
    const error = await failureOf(loadYaml(text));
    expect(error.code).toBe("CONFIG_VALUE_INVALID");
    expect(error.context).toMatchObject({ key, value, expected, place: { file: "dib.config.yaml", column } });
  });

  test("all of a file are told together", async () => {
    expect(await codesOf(loadYaml("bse: true\nimageSizeGiB: x\nimages:\n  a: { archh: y }\n"))).toEqual([
      "CONFIG_VALUE_INVALID",
      "CONFIG_KEY_UNKNOWN",
      "CONFIG_KEY_UNKNOWN",
    ]);
  });

  test("a secret is not printed", async () => {
    const error = await failureOf(loadYaml("environment:\n  A: { secret: [hunter2] }\n"));
    expect(error.code).toBe("CONFIG_VALUE_INVALID");
    expect(`${error.message} ${JSON.stringify(error.context)}`).not.toContain("hunter2");
  });
});

describe("the JSON Schema for editors", () => {
  test("is current: node packages/core/scripts/generate-schema.mjs writes it", async () => {
    const file = new URL("../../../../packages/core/schema/dib.config.schema.json", import.meta.url);
    expect(JSON.parse(await readFile(file, "utf8"))).toEqual(JSON.parse(JSON.stringify(writtenConfigSchema())));
  });

  test("knows every key, and may be named in the file", async () => {
    const { properties } = writtenConfigSchema() as { properties: Record<string, unknown> };
    expect(Object.keys(properties)).toEqual(expect.arrayContaining(["$schema", "elements", "images", "tmpfs"]));
    expect((await loadYaml("$schema: ./dib.config.schema.json\noutput: a\n")).output).toBe("a");
  });
});

test("defineConfig gives a typed config back as it is", () => {
  const config = { elements: ["vm"] };
  expect(defineConfig(config)).toBe(config);
});
