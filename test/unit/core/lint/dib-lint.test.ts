/** What dib-lint says. That DIB says the same is shown by test/conformance/differential/dib-lint.test.ts. */
import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { lintAsDib } from "@dibjs/core/lint/dib-lint/start.js";
import { createExec, type Exec } from "@dibjs/core/process/exec.js";
import { expect, test } from "vitest";
import { tempFolder } from "../../../support/temp-folder.js";

type Files = Readonly<Record<string, string | { readonly text: string; readonly mode: number }>>;

const script = (text: string, mode = 0o755) => ({ text, mode });
const good = "#!/bin/bash\nif [ ${DIB_DEBUG_TRACE:-0} -gt 0 ]; then set -x; fi\nset -eu\nset -o pipefail\n";
const fine: Files = { "elements/a/README.rst": "A\n", "elements/a/install.d/50-a": script(good) };

interface Host {
  /** What file says of each script. */
  readonly type?: string;
  /** Undefined when it is not installed. */
  readonly flake8?: number;
}

async function lint(files: Files, { type = "text/x-shellscript", flake8 }: Host = {}) {
  await using temp = await tempFolder();
  for (const [path, content] of Object.entries(files)) {
    const { text, mode } = typeof content === "string" ? script(content, 0o644) : content;
    mkdirSync(dirname(join(temp.path, path)), { recursive: true });
    writeFileSync(join(temp.path, path), text);
    chmodSync(join(temp.path, path), mode);
  }
  const said = (exitCode: number, stdout = "") => Promise.resolve({ exitCode, signal: undefined, stdout, stderr: "" });
  const exec: Exec = (file, args, options) => {
    if (file === "file")
      return said(
        0,
        args
          .slice(4)
          .map(() => `${type}\n`)
          .join(""),
      );
    if (file === "flake8")
      return flake8 === undefined ? said(127) : said(flake8, args[0] === "--version" ? "" : "x:1\n");
    return createExec()(file, args, options);
  };
  const lines: string[] = [];
  const notes: string[] = [];
  const passed = await lintAsDib({
    ...{ cwd: temp.path, elementsDir: "elements", libDir: "lib", exec, env: { PATH: process.env["PATH"] ?? "" } },
    ...{ say: (line) => void lines.push(line), note: (text) => void notes.push(text) },
  });
  return {
    passed,
    lines,
    notes,
    errors: lines.filter((line) => line.startsWith("ERROR: ")).map((line) => line.slice(7)),
  };
}

test("elements that are right pass, and every file that is looked at is named", async () => {
  const { passed, lines } = await lint({ ...fine, "elements/a/x.yaml": "a: 1\n", "elements/a/pkg-map": "{}\n" });
  expect(passed).toBe(true);
  expect(lines.slice(1)).toEqual([
    "Checking elements/a/install.d/50-a",
    "Checking elements/a/pkg-map",
    "Checking indents...",
    "Checking YAML parsing...",
    "Parsing  elements/a/x.yaml",
    "Checking pkg-map files...",
    "Parsing  elements/a/pkg-map",
    "PASS",
  ]);
});

const at = "elements/a/install.d/50-a";
const bash = (text: string) => ({ [at]: script(`${good}${text}`) });

test.each<[name: string, files: Files, ...errors: string[]]>([
  [
    "a README of Markdown",
    { "elements/b/README.md": "B\n" },
    "elements/b lacks a README.rst",
    ".md docs found: elements/b/README.md",
  ],
  ["a mode that got lost", { [at]: script(good, 0o644) }, `${at} is not executable`],
  ["other indents", bash("if true; then\n  true\nfi\n"), `${at} should use 4 spaces indent\n6:  true`],
  [
    "options of the shebang",
    { [at]: script(good.replace("bash", "bash -e")) },
    `${at} : only use #!/bin/bash for scripts`,
  ],
  ["no set -e", { [at]: script(good.replace("-eu", "-u")) }, `${at} is not set -e`],
  [
    "pipefail among other options",
    { [at]: script(good.replace("-eu\nset -o", "-euo")) },
    `${at} is not set -o pipefail`,
  ],
  [
    "a comment before which",
    bash("true # for which it is\n"),
    `${at} : potential use of which\n -- true # for which it is`,
  ],
  [
    "sudo in a folder that ends like one of the host's",
    { "elements/a/post-root.d/x": "  sudo \\\n  rm\n" },
    "elements/a/post-root.d/x : potentially unsafe sudo\n -- sudo   rm",
  ],
  [
    "an environment file that can be run",
    { "elements/a/environment.d/x": script("true\n") },
    "Environment file elements/a/environment.d/x should not be marked as executable",
  ],
  ["export and a command", bash("export A=$(b) # c\nexport B=$(d)\n"), `Split export and assignments in ${at}`],
  [
    "element-deps below a test",
    { "elements/a/test-elements/t/element-deps": "b\n# z\na\n" },
    "elements/a/test-elements/t/element-deps is not sorted alphabetically",
  ],
  ["tabs in the library", { "lib/x": "\ttrue" }, "lib/x contains tab characters", "No newline at end of file: lib/x"],
  [
    "a source repository's last line",
    { "elements/a/source-repository-x": "x git y" },
    "elements/a/source-repository-x does not end with a newline",
  ],
  ["two documents of YAML", { "elements/a/x.yaml": "---\na\n---\nb\n" }, "elements/a/x.yaml is not a valid YAML file"],
  ["a tag of YAML", { "elements/a/x.yaml": "a: !b c\n" }, "elements/a/x.yaml is not a valid YAML file"],
  ["a map that is no JSON", { "elements/a/pkg-map": "{\n" }, "elements/a/pkg-map is not a valid JSON file"],
])("%s", async (_, files, ...errors) => {
  const { passed, lines } = await lint({ ...fine, ...files });
  const text = lines.join("\n");
  for (const error of errors) expect(text).toContain(`ERROR: ${error}`);
  expect([text.split("ERROR: ").length - 1, passed, lines.at(-1)]).toEqual([
    errors.length,
    false,
    "*** FAIL: Some tests failed!",
  ]);
});

test.each<[what: string, files: Files]>([
  ["of a file for itself", bash("# dib-lint: disable=which indent\nwhich x\n  true\n")],
  [
    "of all files",
    {
      ...bash("which x\n  true\n"),
      "tox.ini": "[dib-lint]\nignore = which\n" + "  # why\n\n    indent\n[x]\nignore=\n",
    },
  ],
  ["of a line", bash("which x # dib-lint: which\n")],
  ["equal keys, of which the last counts", { "elements/a/x.yaml": "a: 1\na: 2\n" }],
])("an exclusion %s", async (_, files) => {
  expect((await lint({ ...fine, ...files })).errors).toEqual([]);
});

test("a folder that is not there fails", async () => {
  const { errors } = await lint({ "lib/x": "x\n" });
  expect(errors).toEqual(["there is no folder elements: ELEMENTS_DIR names another"]);
});

const python = { ...fine, [at]: script("#!/usr/bin/env python3\nif x:\n  pass\n") };

test.each<[what: string, host: Host, errors: readonly string[], notes: number]>([
  ["that passes", { type: "text/x-script.python", flake8: 0 }, [], 0],
  ["that does not", { type: "text/x-python\\012- text/plain", flake8: 1 }, [`${at} failed flake8`], 0],
  ["without flake8", { type: "text/x-python" }, [], 1],
])("Python %s is not indented as bash is", async (_, host, errors, notes) => {
  const result = await lint(python, host);
  expect([result.errors, result.notes.length]).toEqual([errors, notes]);
});
