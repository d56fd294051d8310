/** dib-lint of DIB and ours over the same folders: their lines and their exit codes. */
import { chmodSync, cpSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { createExec } from "@dibjs/core/process/exec.js";
import fc from "fast-check";
import { expect, test } from "vitest";
import { expectAgreement, type Facts } from "../../support/differences.js";
import { dropInProgram } from "../../support/drop-in.js";
import { releasedDib } from "../../support/released-dib.js";
import { tempFolder } from "../../support/temp-folder.js";

const exec = createExec();

interface File {
  readonly path: string;
  readonly text: string;
  readonly isExecutable?: boolean;
}

function writeFiles(at: string, files: readonly File[]): void {
  for (const { path, text, isExecutable = false } of files) {
    mkdirSync(dirname(join(at, path)), { recursive: true });
    writeFileSync(join(at, path), text);
    chmodSync(join(at, path), isExecutable ? 0o755 : 0o644);
  }
}

/** A folder of programs: `python`, which Debian calls python3, and a flake8 that objects to one word. */
function makePrograms(at: string, hasFlake8: boolean): string {
  const bin = join(at, hasFlake8 ? "bin" : "bin-without-flake8");
  mkdirSync(bin);
  symlinkSync("/usr/bin/python3", join(bin, "python"));
  const flake8 = `#!/bin/sh\n[ "$1" = --version ] || ! grep -n BAD "$1" /dev/null\n`;
  if (hasFlake8) writeFileSync(join(bin, "flake8"), flake8, { mode: 0o755 });
  return `${bin}:/usr/bin:/bin`;
}

/** Their lines in order of the bytes; and how it ended. */
async function runBoth(folders: readonly string[], PATH: string, more: Readonly<Record<string, string>> = {}) {
  const { bin } = await releasedDib();
  const run = async (program: readonly string[]): Promise<Facts<string>> => {
    const facts: Record<string, string> = {};
    for (const cwd of folders) {
      const env = { PATH, LC_ALL: "C", ELEMENTS_DIR: "elements", LIB_DIR: "lib", ...more };
      const { stdout, exitCode } = await exec(program[0] ?? "", program.slice(1), { cwd, env });
      // find has an order of its own, also for the list of these.
      const lines = stdout
        .replace(/^(ERROR: \.md docs found:) /m, "$1\n")
        .split("\n")
        .filter(Boolean);
      facts[cwd] = [...lines.toSorted(), `exit ${exitCode}`].join("\n");
    }
    return facts;
  };
  return {
    dib: await run(["bash", join(bin, "dib-lint")]),
    ours: await run([process.execPath, dropInProgram("dib-lint")]),
  };
}

const shebang = fc.constantFrom(
  "",
  "",
  "#!/bin/bash",
  "#!/bin/bash",
  "#!/bin/bash -e",
  "#!/usr/bin/env bash",
  "#!/bin/sh",
  "#!/usr/bin/env python3",
  "#!/usr/bin/env dib-python",
);
const line = fc.constantFrom(
  ..."set -e,set -eu,set -u,set -o pipefail,set -euo pipefail,set -x,  set -x,if [ ${DIB_DEBUG_TRACE:-0} -gt 0 ]; then".split(
    ",",
  ),
  ...[
    "    four",
    "  two",
    "     five",
    "\ttab",
    "  \ttab",
    "",
    "# comment",
    "# dib-lint: disable=which sete",
    "# dib-lint: disable=safe_sudo,which",
  ],
  ...[
    "# dib-lint: disable=indent executable",
    " # dib-lint: disable=setu",
    "# dib-lint: disable=setpipefail dibdebugtrace",
  ],
  ...[
    "export A=$(b)",
    "export A=b",
    "A=$(b)",
    "sudo rm x",
    "sudo rm $TARGET_ROOT/x",
    "# sudo rm",
    "x # sudo rm",
    "sudo \\",
    "sudo",
    "  sudo x   ",
  ],
  ...["which x", "# which x", "x # which x", "which x # dib-lint: which", "a \\", "\\which x", "import os", "BAD"],
);
const path = fc.constantFrom(
  ..."install.d/50-x,root.d/10-x,post-root.d/10-x,pre-finalise.d/x,environment.d/10-x,environment.d/x.bash,bin/x,element-deps".split(
    ",",
  ),
  ..."test-elements/t/element-deps,source-repository-x,README.rst,x.rst,notes.md,x.yaml,x.py,pkg-map,static/etc/x,ignored/x".split(
    ",",
  ),
);
const data: Readonly<Record<string, fc.Arbitrary<string>>> = {
  yaml: fc.constantFrom(
    "a: 1\n",
    "a: 1\na: 2\n",
    "a: [\n",
    "\ta: 1\n",
    "--- 1\n--- 2\n",
    "a: !b c\n",
    "- %x\n",
    "a: *b\n",
    "yes: no",
    "",
    "a: 'b\n",
    "{a: 1}}\n",
    "? [a]\n: b\n",
    "1: a\n",
    "a: 2001-02-03\n",
  ),
  "pkg-map": fc.constantFrom("{}", '{"a": 1}\n', "{", "", "[1,]", '{"a": 1, "a": 2}'),
  // In order, and with a name at least: what DIB does with others is a row of its own.
  "element-deps": fc.constantFrom("a\nb\n", "# z\na\n\nb\n", "a", "B\na\n"),
};
const endingOf = (name: string): string => /yaml$|pkg-map$|element-deps$/.exec(name)?.[0] ?? "";
const text = fc
  .tuple(shebang, fc.array(line, { maxLength: 8 }), fc.boolean())
  // A last line that does not end is looked at for itself.
  .map(([first, lines, endsWell]) =>
    [...(first === "" ? [] : [first]), ...lines, ...(endsWell ? [""] : ["", "end"])].join("\n"),
  );
const file = path.chain((name) =>
  fc.record<File>({
    path: fc.constantFrom("a", "b", "c").map((element) => `elements/${element}/${name}`),
    text: data[endingOf(name)] ?? text,
    isExecutable: fc.boolean(),
  }),
);
const tree = fc.record({
  files: fc.uniqueArray(file, { minLength: 12, maxLength: 24, selector: (each) => each.path }),
  lib: text,
  tox: fc.constantFrom(
    "",
    "[dib-lint]\nignore = indent sete\n",
    "[dib-lint]\nIgnore: which\n  safe_sudo\n\n  tabindent\n[x]\nignore = setu\n",
    "[other]\nignore = sete\n",
    "[dib-lint]\nignore = newline mddocs\n",
  ),
});

/** What DIB looks at last decides what it excludes afterwards: no generated file excludes any of that. */
test("random elements", async () => {
  await using temp = await tempFolder();
  const PATH = makePrograms(temp.path, true);
  const folders = fc.sample(tree, { numRuns: 12, seed: 4 }).map(({ files, lib, tox }, index) => {
    const at = join(temp.path, String(index));
    writeFiles(at, [
      ...files,
      { path: "lib/x", text: lib },
      { path: "tox.ini", text: tox },
      { path: ".gitignore", text: "ignored\n" },
    ]);
    return at;
  });
  for (const cwd of folders.slice(0, 6)) await exec("git", ["init", "-q"], { cwd, env: { PATH } });
  const { dib, ours } = await runBoth(folders, PATH);
  const all = Object.values(dib).join("\n");
  for (const said of [
    "Skipping",
    "is not executable",
    "failed flake8",
    "4 spaces",
    "only use",
    "set -e\n",
    "DIB_DEBUG_TRACE",
    "tracing",
    "marked as executable",
    "Split export",
    "unsafe sudo",
    "use of which",
    "tab characters",
    "No newline",
    ".md docs",
    "valid YAML",
    "valid JSON",
    "lacks a README",
  ])
    expect(all, `nothing generated made DIB say ${said}`).toContain(said);
  expectAgreement(linesOf(dib), linesOf(ours));
});

/** How often each line comes in each folder: what differs is a line then, and not a page. */
function linesOf(facts: Facts<string>): Facts<number> {
  const counts: Record<string, number> = {};
  for (const [folder, said] of Object.entries(facts))
    for (const line of said.split("\n")) counts[`${folder}: ${line}`] = (counts[`${folder}: ${line}`] ?? 0) + 1;
  return counts;
}

test("DIB's own elements", async () => {
  await using temp = await tempFolder();
  const { elements, lib } = await releasedDib();
  const some = readdirSync(elements).filter((_, index) => index % 9 === 0);
  for (const name of some) cpSync(join(elements, name), join(temp.path, "tree/elements", name), { recursive: true });
  cpSync(lib, join(temp.path, "tree/lib"), { recursive: true });
  const { dib, ours } = await runBoth([join(temp.path, "tree")], makePrograms(temp.path, true));
  expect(Object.values(dib).join("\n")).toContain("PASS");
  expectAgreement(linesOf(dib), linesOf(ours));
});

const readme: File = { path: "elements/a/README.rst", text: "A\n" };
const good = "#!/bin/bash\nif [ ${DIB_DEBUG_TRACE:-0} -gt 0 ]; then set -x; fi\nset -eu\nset -o pipefail\n";
const script = (text: string, path = "install.d/50-a"): File => ({
  path: `elements/a/${path}`,
  text: good + text,
  isExecutable: true,
});
const failed = (said = ""): boolean => said.includes("*** FAIL");

test.each<
  [id: string, files: readonly File[], explains: (dib?: string, ours?: string) => boolean, PATH?: "without flake8"]
>([
  [
    "lint-ends-early",
    [readme, { path: "elements/a/element-deps", text: "b\na\n" }],
    (dib, ours) => !failed(dib) && failed(ours),
  ],
  [
    "lint-ends-early",
    [readme, { path: "elements/a/element-deps", text: "# none\n" }],
    (dib = "", ours = "") => dib.endsWith("exit 1") && ours.endsWith("exit 0"),
  ],
  ["lint-ends-early", [readme], (dib = "", ours = "") => dib.endsWith("exit 1") && ours.endsWith("exit 0")],
  [
    "lint-exclusions",
    [readme, script("# dib-lint: disable=tabindent\n"), { path: "lib/x", text: "\tx\n" }],
    (dib, ours) => !failed(dib) && failed(ours),
  ],
  [
    "lint-last-line",
    [readme, script("which x")],
    (dib = "", ours = "") => !dib.includes("use of which") && ours.includes("use of which"),
  ],
  [
    "lint-names",
    [readme, script("which x\n", "install.d/50 a")],
    (dib = "", ours = "") => !dib.includes("install.d/50 a") && ours.includes("install.d/50 a : potential use"),
  ],
  ["lint-nothing-there", [{ path: "x", text: "" }], (dib, ours) => !failed(dib) && failed(ours)],
  [
    "lint-yaml",
    [readme, script(""), { path: "elements/a/x.yaml", text: "a: \tb\n" }],
    (dib, ours) => failed(dib) && !failed(ours),
  ],
  [
    "lint-yaml",
    [readme, script(""), { path: "elements/a/x.yaml", text: "a: 2001-02-30\n" }],
    (dib, ours) => failed(dib) && !failed(ours),
  ],
  [
    "lint-without-flake8",
    [readme, { path: "elements/a/x", text: "#!/usr/bin/env python3\n", isExecutable: true }],
    (dib, ours) => failed(dib) && !failed(ours),
    "without flake8",
  ],
])("%s: %j", async (id, files, explains, programs) => {
  await using temp = await tempFolder();
  writeFiles(join(temp.path, "tree"), files);
  const { dib, ours } = await runBoth([join(temp.path, "tree")], makePrograms(temp.path, programs === undefined));
  expectAgreement(dib, ours, [{ id, explains }]);
});
