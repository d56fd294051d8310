import { isManifest, parseManifest } from "@dibjs/core/elements/manifest.js";
import { isElementName, parseElementName } from "@dibjs/core/elements/name.js";
import { describe, expect, test } from "vitest";

const parse = (more: object) =>
  parseManifest({ apiVersion: 1, elements: { motd: "." }, ...more }, "motd/package.json", "motd");

describe("a manifest", () => {
  test("with everything in it is taken as written", () => {
    const manifest = {
      apiVersion: 1,
      core: "^1.0.0 || ^2.0.0-rc.1",
      elements: { motd: ".", "motd-extra": "elements/extra" },
      provides: { motd: ["greeting"] },
      requires: { base: "^1.0.0" },
      entry: "./dist/index.js",
      arch: ["amd64"],
      hostCommands: [{ command: "mkfs.ext4", debian: "e2fsprogs", or: ["mke2fs"], elements: ["motd-extra"] }],
      cache: false,
      reads: ["install"],
      variables: { MOTD_TOKEN: { secret: true, description: "who greets" } },
      network: ["finalise"],
      manifest: "./dib-manifest.json",
    };
    expect(parse(manifest)).toEqual(manifest);
  });

  test.each([
    ["apiVersion", { apiVersion: 0 }],
    ["apiVersion", { apiVersion: "1" }],
    ["apiVersion", { apiVersion: undefined }],
    ["elements.__proto__", { elements: JSON.parse('{ "__proto__": "." }') as object }],
    ["provides.__proto__", { provides: JSON.parse('{ "__proto__": ["x"] }') as object }],
    ["requires.__proto__", { requires: JSON.parse('{ "__proto__": "*" }') as object }],
    ["variables.__proto__", { variables: JSON.parse('{ "__proto__": { "secret": false } }') as object }],
    ["", JSON.parse('{ "__proto__": { "entry": "./x.js" } }') as object],
    ["elements.-rf", { elements: { "-rf": "." } }],
    ["elements.", { elements: { "": "." } }],
    ["elements", { elements: ["motd"] }],
    ["elements.constructor", { elements: { constructor: "." } }],
    ["elements.a/b", { elements: { "a/b": "." } }],
    ["elements.motd", { elements: { motd: "../other" } }],
    ["elements.motd", { elements: { motd: "/etc" } }],
    ["requires.base", { requires: { base: "one" } }],
    ["core", { core: "latest" }],
    ["entry", { entry: "../../code.js" }],
    ["arch", { arch: [] }],
    ["hostCommands.0.elements", { hostCommands: [{ command: "jq", elements: ["motd", "other"] }] }],
    ["reads.0", { reads: ["instal"] }],
    ["variables.1A", { variables: { "1A": {} } }],
    ["", { entries: "./dist/index.js" }],
  ])("that is wrong in %j is refused with the file and the key", (key, wrong) => {
    let error: unknown;
    try {
      parse(wrong);
    } catch (caught) {
      error = caught;
    }
    expect(error).toMatchObject({ code: "ELEMENT_MANIFEST_INVALID", context: { file: "motd/package.json", key } });
  });

  test("of a later version says so, whatever else it holds", () => {
    expect(() => parse({ apiVersion: 2, elements: "all" })).toThrow(
      expect.objectContaining({
        code: "ELEMENT_API_UNSUPPORTED",
        context: { package: "motd", file: "motd/package.json", apiVersion: 2, known: 1 },
        message: "motd has a manifest of apiVersion 2 (motd/package.json); this dib knows apiVersion 1.",
      }),
    );
  });

  test.each([
    [{ apiVersion: 1 }, true],
    [{ elements: { a: "." } }, true],
    [{ elements: ["vm"], images: {} }, false],
    [undefined, false],
    ["text", false],
  ])("%j is one: %s", (dib, expected) => {
    expect(isManifest(dib)).toBe(expected);
  });
});

describe("element names", () => {
  test.each(["a", "vm", "block-device-mbr", "C3PO", "a.b_c+d", "0", "a".repeat(128)])("%j is one", (name) => {
    expect(isElementName(name)).toBe(true);
  });

  test.each([
    "..",
    "../x",
    "/abs",
    "a/b",
    "",
    ".",
    "-rf",
    "a b",
    "a;id",
    "$(id)",
    "a\0",
    "a\n",
    "a".repeat(300),
    "vм",
    "__proto__",
    "constructor",
    "toString",
  ])("%j is none", (name) => {
    expect(isElementName(name)).toBe(false);
  });

  test.each([
    ["vm", { name: "vm", range: "*" }],
    ["vm@^1.2", { name: "vm", range: "^1.2" }],
    ["vm @ >=1 <2", { name: "vm", range: ">=1 <2" }],
    ["vm@", undefined],
    ["vm@newest", undefined],
    ["@acme/vm", undefined],
  ])("%j is read as %j", (written, expected) => {
    expect(parseElementName(written)).toEqual(expected);
  });
});
