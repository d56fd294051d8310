import { spawnSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect } from "vitest";
import { parse } from "yaml";
import { discoverElements } from "@dibjs/core/elements/discover.js";
import { expandRequest } from "@dibjs/core/elements/resolve.js";
import { runDropIn } from "../../support/drop-in.js";
import { tempFolder } from "../../support/temp-folder.js";
import { vector } from "../../support/vectors.js";
import type { VectorId } from "./sources.js";

/** Name → what it needs, and what it provides. */
const fixture: Readonly<Record<string, readonly [needs: string, provides: string]>> = {
  "requires-foo": ["foo", ""],
  foo: ["", "operating-system"],
  "requires-requires-foo": ["requires-foo", ""],
  self: ["self", ""],
  provides_virtual: ["", "virtual"],
  also_provides_virtual: ["", "virtual"],
  requires_virtual: ["virtual", "operating-system"],
  virtual: ["extra_dependency", ""],
  extra_dependency: ["", ""],
  circular1: ["circular2", "operating-system"],
  circular2: ["circular1", ""],
  provides_new_virtual: ["", "new_virtual operating-system"],
  requires_new_virtual: ["new_virtual", ""],
  override_element: ["", ""],
};

let temp: Awaited<ReturnType<typeof tempFolder>>;
const folderOf = (name: string) => join(temp.path, name);
const path = () => [folderOf("element-override"), folderOf("elements")].join(":");

beforeAll(async () => {
  temp = await tempFolder();
  mkdirSync(folderOf("element-override/override_element"), { recursive: true });
  for (const [name, [needs, provides]] of Object.entries(fixture)) {
    const folder = folderOf(`elements/${name}`);
    mkdirSync(folder, { recursive: true });
    for (const [file, names] of [
      ["element-deps", needs],
      ["element-provides", provides],
    ] as const)
      if (names !== "") writeFileSync(join(folder, file), `${names.replaceAll(" ", "\n")}\n`);
  }
});
afterAll(() => temp[Symbol.asyncDispose]());

/** Names and folders, as core finds them. */
async function expand(asked: readonly string[]): Promise<Record<string, string>> {
  const elementPaths = path()
    .split(":")
    .map((entry) => ({ path: entry, origin: "$ELEMENTS_PATH" }));
  const catalog = await discoverElements({ elementPaths, projectDir: temp.path, bundled: [] });
  const { elements } = await expandRequest(
    asked.map((name) => ({ name, range: "*", origin: "command line" })),
    catalog,
  );
  return Object.fromEntries(elements.map(({ name, folder }) => [name, folder]));
}

interface Row {
  readonly id: VectorId;
  readonly asked: readonly string[];
  /** Names, or what it fails with. */
  readonly gives: readonly string[] | { readonly code: string; readonly message: string };
}

const rows: readonly Row[] = [
  { id: "deps/requires-foo", asked: ["requires-foo"], gives: ["requires-foo", "foo"] },
  {
    id: "deps/requires-requires-foo",
    asked: ["requires-requires-foo"],
    gives: ["requires-requires-foo", "requires-foo", "foo"],
  },
  { id: "deps/foo", asked: ["foo"], gives: ["foo"] },
  { id: "deps/fake", asked: ["fake"], gives: { code: "ELEMENT_NOT_FOUND", message: "Element 'fake' not found" } },
  { id: "deps/self", asked: ["self", "foo"], gives: ["self", "foo"] },
  { id: "deps/circular", asked: ["circular1"], gives: ["circular1", "circular2"] },
  {
    id: "deps/provides-virtual",
    asked: ["provides_virtual", "requires_virtual"],
    gives: ["provides_virtual", "requires_virtual"],
  },
  {
    id: "deps/virtual-and-provider",
    asked: ["virtual", "provides_virtual"],
    gives: { code: "ELEMENT_ALREADY_PROVIDED", message: "virtual: already provided by ['provides_virtual']" },
  },
  {
    id: "deps/provider-later",
    asked: ["requires_new_virtual", "provides_new_virtual"],
    gives: ["requires_new_virtual", "provides_new_virtual"],
  },
  {
    id: "deps/provided-twice",
    asked: ["provides_virtual", "also_provides_virtual"],
    gives: { code: "ELEMENT_ALREADY_PROVIDED", message: "virtual: already provided by ['provides_virtual']" },
  },
  {
    id: "deps/no-operating-system",
    asked: ["provides_virtual"],
    gives: { code: "ELEMENT_NO_OPERATING_SYSTEM", message: "Please include an operating system element" },
  },
  {
    id: "deps/operating-system-named",
    asked: ["circular1", "operating-system"],
    gives: { code: "ELEMENT_ALREADY_PROVIDED", message: "operating-system: already provided by ['circular1']" },
  },
];

for (const { id, asked, gives } of rows)
  vector(
    id,
    async () => {
      if ("code" in gives)
        await expect(expand(asked)).rejects.toMatchObject({
          code: gives.code,
          message: expect.stringContaining(gives.message) as string,
        });
      else
        expect(await expand(asked)).toEqual(
          Object.fromEntries(gives.map((name) => [name, folderOf(`elements/${name}`)])),
        );
    },
    asked.join(" "),
  );

vector("deps/override", async () => {
  expect(await expand(["override_element", "foo"])).toEqual({
    override_element: folderOf("element-override/override_element"),
    foo: folderOf("elements/foo"),
  });
});

const elementInfo = (args: readonly string[], ELEMENTS_PATH = path()) =>
  runDropIn("element-info", args, { cwd: temp.path, env: { ELEMENTS_PATH } });

vector("deps/as-a-set", async () => {
  const { exitCode, stdout, stderr } = await elementInfo(["foo", "requires-foo"]);
  expect({ exitCode, names: stdout, stderr }).toEqual({ exitCode: 0, names: "foo requires-foo\n", stderr: "" });
});

vector("deps/fake", async () => {
  const { exitCode, stdout, stderr } = await elementInfo(["fake"]);
  expect({ exitCode, stdout }).toEqual({ exitCode: 1, stdout: "" });
  expect(stderr).toMatch(/^ERROR: Element 'fake' not found/);
});

vector("deps/not-a-dir", async () => {
  const { exitCode, stdout, stderr } = await elementInfo(["fake"], `${path()}:/not/a/dir`);
  expect({ exitCode, stdout }).toEqual({ exitCode: 1, stdout: "" });
  expect(stderr).toMatch(/^ERROR: ELEMENTS_PATH entry '\/not\/a\/dir' is not a directory /);
});

vector("deps/path-from-environment", async () => {
  const { stdout, stderr } = await elementInfo(["override_element", "foo"]);
  expect(stdout).toBe("foo override_element\n");
  const [first, second] = path().split(":");
  expect(stderr).toBe(`Element <${first}/override_element> overrides <${second}/override_element>\n`);
});

vector("deps/path-empty", async () => {
  const { exitCode, stdout, stderr } = await elementInfo(["foo"], "");
  expect({ exitCode, stdout }).toEqual({ exitCode: 1, stdout: "" });
  expect(stderr).toMatch(/^\$ELEMENTS_PATH must be set\.\n/);
});

/** What bash knows after it has read the code. */
const readBack = (code: string): string[] => {
  const ask = `${code}
eval declare -A elements=($(get_image_element_array))
printf '%s\\0' "$IMAGE_ELEMENT" "$IMAGE_ELEMENT_YAML"
for name in $IMAGE_ELEMENT; do printf '%s\\0' "$name" "\${elements[$name]}"; done
bash -c 'get_image_element_array >/dev/null; printf "%s\\0" "$IMAGE_ELEMENT"'`;
  const { stdout, stderr } = spawnSync("bash", ["--norc", "-euc", ask], { encoding: "utf8" });
  expect(stderr).toBe("");
  return stdout.split("\0").slice(0, -1);
};

vector("deps/bash-variables", async () => {
  const { exitCode, stdout } = await elementInfo(["--env", "requires-foo"]);
  expect(exitCode).toBe(0);
  const [names, yaml, ...pairs] = readBack(stdout);
  const folders = { foo: folderOf("elements/foo"), "requires-foo": folderOf("elements/requires-foo") };
  expect(parse(yaml ?? "")).toEqual(folders);
  expect([names, ...pairs]).toEqual(["foo requires-foo", ...Object.entries(folders).flat(), "foo requires-foo"]);
});

vector(
  "deps/bash-variables",
  async () => {
    const odd = ["it's", 'a "b"  c', "$HOME `id` \\x", "*?[a-z]", "two\nlines", "yes - no #", "é 漢"];
    const folders = Object.fromEntries(odd.map((folder, index) => [`e${index}`, folderOf(`${folder}/e${index}`)]));
    for (const folder of Object.values(folders)) mkdirSync(folder, { recursive: true });
    const { stdout } = await elementInfo(
      ["-e", "foo", ...Object.keys(folders)],
      [path(), ...odd.map(folderOf)].join(":"),
    );
    const all = { ...folders, foo: folderOf("elements/foo") };
    const names = Object.keys(all).join(" ");
    const [told, yaml, ...pairs] = readBack(stdout);
    expect(parse(yaml ?? "", { version: "1.1" })).toEqual(all);
    expect([told, ...pairs]).toEqual([names, ...Object.entries(all).flat(), names]);
  },
  "from folders of any name",
);
