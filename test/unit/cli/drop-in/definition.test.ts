import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { formatCommand, toCommands } from "@dibjs/cli/drop-in/definition/commands.js";
import { readDefinitions } from "@dibjs/cli/drop-in/definition/read.js";
import { findingsOf } from "@dibjs/cli/failure.js";
import { builtInFormats } from "@dibjs/core/formats/built-in.js";
import { describe, expect, test } from "vitest";
import { tempFolder } from "../../../support/temp-folder.js";

/** What is wrong with a file of this content, each with its place as `line:column`. */
async function wrongWith(content: string | Uint8Array): Promise<(readonly [string, string, string])[]> {
  await using folder = await tempFolder();
  const file = join(folder.path, "images.yaml");
  writeFileSync(file, content);
  const error: unknown = await readDefinitions([file]).then(
    () => undefined,
    (error: unknown) => error,
  );
  return error === undefined
    ? []
    : findingsOf(error).map(({ code, message, hint }) => [code, message.replace(file, ""), hint ?? ""]);
}

const unreadable = "DEFINITION_UNREADABLE";
const invalid = "DEFINITION_VALUE_INVALID";
const quotes = "Put it in quotes: without them YAML takes it for something else. Nothing was built.";
const leaveOut = (key: string) => `Correct ${key} there, or leave it out. Nothing was built.`;
const form =
  "An image definition is a YAML file with a list of maps, indented with spaces, each key once. Nothing was built.";
/** Each list holds nine of the list before. */
const bomb = Array.from({ length: 9 }, (_, index) => {
  const items = Array<string>(9).fill(index === 0 ? "x" : `*a${index - 1}`);
  return `- elements: &a${index} [${items.join(", ")}]\n`;
}).join("");

describe("an image definition that is wrong", () => {
  const wrong: readonly (readonly [what: string, content: string | Uint8Array, ...findings: (readonly string[])[]])[] =
    [
      ["empty", "", [unreadable, ": the file is empty", form]],
      ["a comment only", "# nothing\n", [unreadable, ": the file is empty", form]],
      ["a map", "imagename: x\n", [unreadable, ":1:1: the file holds a map, and no list", form]],
      ["text", "debian vm\n", [unreadable, ':1:1: the file holds "debian vm", and no list', form]],
      ["a tab", "-\timagename: x\n  foo\n", [unreadable, ":1:2: Tabs are not allowed as indentation", form]],
      ["a key twice", "- imagename: x\n  imagename: y\n", [unreadable, ":2:3: Map keys must be unique", form]],
      [
        "a bomb of aliases",
        bomb,
        [unreadable, expect.stringMatching(/^:\d+:\d+: Excessive alias count/) as never, form],
      ],
      [
        "an alias of nothing",
        "- elements: *none\n",
        [unreadable, ":1:13: Unresolved alias (the anchor must be set before the alias): none", form],
      ],
      [
        "a tag of Python",
        "- imagename: !!python/name:os.system x\n",
        [unreadable, ":1:14: Unresolved tag: tag:yaml.org,2002:python/name:os.system", form],
      ],
      [
        "several documents",
        "- imagename: x\n---\n- imagename: y\n",
        [unreadable, ":2:1: it has more than one document", form],
      ],
      ["bytes that are no text", Buffer.from([0x2d, 0x20, 0xff]), [unreadable, ": it is no UTF-8 text", form]],
      [
        "an entry that is no map",
        "- debian\n",
        [invalid, ':1:3: entry 1 is "debian", expected a map.', leaveOut("entry 1")],
      ],
      [
        "an unknown key",
        "- image-nam: x\n",
        ["DEFINITION_KEY_UNKNOWN", ':1:3: unknown key "image-nam".', 'Did you mean "imagename"? Nothing was built.'],
      ],
      [
        "a key for prototypes",
        '- "__proto__": x\n',
        [
          "DEFINITION_KEY_UNKNOWN",
          ':1:3: unknown key "__proto__".',
          expect.stringMatching(/^The keys are imagename, arch, .* Nothing was built\.$/) as never,
        ],
      ],
      ["a number for text", "- imagename: 123\n", [invalid, ":1:14: imagename is 123, expected text.", quotes]],
      ["a yes for text", "- root-label: yes\n", [invalid, ":1:15: root-label is true, expected text.", quotes]],
      [
        "a number in an environment",
        "- environment:\n    DIB_RELEASE: 22.04\n",
        [invalid, ":2:18: environment.DIB_RELEASE is 22.04, expected text, under the name of a variable.", quotes],
      ],
      [
        "no name of a variable",
        '- environment: { "A=B": x }\n',
        [
          invalid,
          ':1:25: environment.A=B is "x", expected text, under the name of a variable.',
          leaveOut("environment.A=B"),
        ],
      ],
      [
        "a blank in the name of a variable",
        '- environment: { "A B": x }\n',
        [
          invalid,
          ':1:25: environment.A B is "x", expected text, under the name of a variable.',
          leaveOut("environment.A B"),
        ],
      ],
      [
        "a NUL",
        '- imagename: "a\\0b"\n',
        [invalid, ':1:14: imagename is "a\\u0000b", expected text.', leaveOut("imagename")],
      ],
      [
        "nothing",
        "- packages:\n",
        [invalid, ":1:12: packages is null, expected a list of packages.", leaveOut("packages")],
      ],
      [
        "text for a list",
        "- elements: vm\n",
        [
          invalid,
          ':1:13: elements is "vm", expected a list of elements.',
          "Write it as a list: [vm]. Nothing was built.",
        ],
      ],
      [
        "a list in a list",
        "- elements: [vm, [a]]\n",
        [invalid, ":1:18: elements.1 is a list, expected text.", leaveOut("elements.1")],
      ],
      [
        "a list within itself",
        "- elements: &a [*a]\n",
        [
          invalid,
          expect.stringMatching(/^:1:1\d: elements\.0 is a list, expected text\.$/) as never,
          leaveOut("elements.0"),
        ],
      ],
      [
        "an unknown format",
        "- types: [qcow2, floppy]\n",
        [
          invalid,
          ':1:18: types.1 is "floppy", expected one of qcow2, tar, tgz, squashfs, vhd, docker, aci, raw, vhdx, vmdk, vdi, iso, oci, vhd-fixed, oci-dir.',
          leaveOut("types.1"),
        ],
      ],
      [
        "an unknown architecture",
        "- arch: i386\n",
        [
          invalid,
          ':1:9: arch is "i386", expected one of aarch64, amd64, arm64, armhf, powerpc, ppc64, ppc64el, ppc64le, s390x, x86_64.',
          leaveOut("arch"),
        ],
      ],
      [
        "too much tracing",
        "- debug-trace: 3\n",
        [invalid, ":1:16: debug-trace is 3, expected one of 0, 1, 2.", leaveOut("debug-trace")],
      ],
      [
        "a size of nothing",
        "- image-size: 0\n",
        [invalid, ":1:15: image-size is 0, expected a whole number of 1 or more.", leaveOut("image-size")],
      ],
      [
        "a fraction of a size",
        "- image-size: 1.5\n",
        [invalid, ":1:15: image-size is 1.5, expected a whole number of 1 or more.", leaveOut("image-size")],
      ],
      [
        "two things",
        "- arch: 1\n- checksum: 2\n",
        [invalid, expect.stringMatching(/^:1:9: arch/) as never, leaveOut("arch")],
        [invalid, ":2:13: checksum is 2, expected true or false.", leaveOut("checksum")],
      ],
    ];
  test.each(wrong.map(([what, content, ...findings]) => ({ what, content, findings })))(
    "$what",
    async ({ content, findings }) => {
      expect(await wrongWith(content)).toEqual(findings);
    },
  );

  test("that is not there, or a folder, is refused", async () => {
    await using folder = await tempFolder();
    mkdirSync(join(folder.path, "folder"));
    const read = (name: string) => readDefinitions([join(folder.path, name)]);
    await expect(read("none")).rejects.toMatchObject({
      code: unreadable,
      context: { reason: "there is no such file" },
    });
    await expect(read("folder")).rejects.toMatchObject({ code: unreadable, context: { reason: "it is a folder" } });
  });

  test("tells twenty findings at most", async () => {
    expect(await wrongWith("- arch: 1\n".repeat(30))).toHaveLength(20);
  });
});

test("types may be any format that comes with dib", async () => {
  const names = builtInFormats.map(({ name }) => name);
  expect(await wrongWith(`- types: [${names.join(", ")}]\n`)).toEqual([]);
});

describe("YAML is read as Python reads it", () => {
  test.each("y n Y N 1e3 12e4 089 1.2.3 1_0e1 null_ ~x".split(" "))("%s is text", async (word) => {
    expect(await wrongWith(`- environment: { X: ${word} }\n`)).toEqual([]);
  });

  test.each("yes no on OFF True 12 0755 0x1f 1.5 .5 1:30 2024-01-02 ~ null".split(" "))("%s is none", async (word) => {
    expect(await wrongWith(`- environment: { X: ${word} }\n`)).toHaveLength(1);
  });

  test.each([
    ["yes", ["-n"]],
    ["no", []],
  ])("skip-base: %s", async (word, args) => {
    await using folder = await tempFolder();
    writeFileSync(join(folder.path, "a.yaml"), `- skip-base: ${word}\n`);
    expect(toCommands(await readDefinitions([join(folder.path, "a.yaml")]))).toMatchObject([{ args }]);
  });

  test("anchors and merge keys work", async () => {
    await using folder = await tempFolder();
    const file = join(folder.path, "a.yaml");
    writeFileSync(
      file,
      "- &base\n  imagename: a\n  elements: &list [vm, debian]\n- <<: *base\n  imagename: b\n  packages: *list\n",
    );
    expect(toCommands(await readDefinitions([file])).map(({ args }) => args.join(" "))).toEqual([
      "-o a vm debian",
      "-o b -p vm,debian vm debian",
    ]);
  });
});

test.each([
  ["DIB_PASSWORD", "hunter2", "DIB_PASSWORD=*** disk-image-create"],
  ["http_proxy", "http://me:hunter2@proxy/", "http_proxy='http://me:***@proxy/' disk-image-create"],
  ["A", "it's", `A='it'"'"'s' disk-image-create`],
  ["A", "", "A='' disk-image-create"],
  ["A", "two\nlines", "A='two\nlines' disk-image-create"],
])("the command shows %s of %s safely", (name, value, shown) => {
  const [command] = toCommands([{ environment: { [name]: value } }]);
  expect(command && formatCommand(command)).toBe(shown);
});
