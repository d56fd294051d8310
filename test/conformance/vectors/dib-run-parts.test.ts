import { spawn } from "node:child_process";
import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { expect } from "vitest";
import { root } from "../../house/source.js";
import { dibEnvironment, resultOf, type DibResult } from "../../support/dib.js";
import { runDropIn } from "../../support/drop-in.js";
import { tempFolder } from "../../support/temp-folder.js";
import { vector } from "../../support/vectors.js";
import type { VectorId } from "./sources.js";

/** What the command starts, too; scripts in an image find this one. */
const program = join(root, "packages/core/lib/dib-run-parts");

type Files = Readonly<Record<string, string>>;

/** Files below a new folder; those with #! are executable. */
function writeFiles(folder: string, files: Files): void {
  for (const [path, text] of Object.entries(files)) {
    const file = join(folder, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
    if (text.startsWith("#!")) chmodSync(file, 0o755);
  }
}

const says = '#!/bin/bash\necho "${0##*/} ${WORD:-}"\n';
const scripts = (names: readonly string[], text = says): Files =>
  Object.fromEntries(names.map((name) => [`x.d/${name}`, text]));

interface Row {
  readonly id: VectorId;
  readonly files: Files;
  /** @default ["x.d"] */
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly more?: string;
  readonly gives: Partial<Pick<DibResult, "exitCode" | "stdout">>;
  /** What standard error says. @default nothing is looked for */
  readonly tells?: RegExp;
  readonly never?: RegExp;
}

const ordered = ["-5-neg", "00-01-x", "abc", "1_000-x", "02-z", "2-a", "2-b", "10-b", "100-c"];
const lines = (names: readonly string[], end = " ") => names.map((name) => `${name}${end}\n`).join("");
const words = { "environment.d/10-a": "export WORD=a\n" };

const rows: readonly Row[] = [
  {
    id: "run-parts/order",
    files: scripts([...ordered].reverse()),
    gives: { exitCode: 0, stdout: lines(ordered) },
    tells: /^dib-run-parts Running x\.d\/-5-neg\ndib-run-parts -5-neg completed\ndib-run-parts Running x\.d\/00-01-x\n/,
  },
  {
    id: "run-parts/order",
    more: "whatever the caller's locale",
    files: scripts(["10-B", "10-a", "10-_c"]),
    env: { LANG: "C.UTF-8", LC_ALL: "C.UTF-8" },
    gives: { stdout: lines(["10-B", "10-_c", "10-a"]) },
  },
  {
    id: "run-parts/filter",
    files: {
      ...scripts(["10-runs", "20.dotted", "30 spaced", "40~", "50+"]),
      "x.d/60-not-executable": "echo never\n",
      "x.d/70-folder/80-inside": says,
    },
    env: { DIB_DEBUG_TRACE: "1" },
    gives: { exitCode: 0, stdout: "10-runs \n" },
    tells:
      /^dib-run-parts Ignoring non-executable files: 60-not-executable\ndib-run-parts Ignoring non-conforming filenames: 20\.dotted 30 spaced 40~ 50\+\n/,
  },
  {
    id: "run-parts/pattern",
    files: scripts(["10-a", "20-b.sh", "30-c"]),
    env: { RUN_PARTS_REGEX: "\\.sh$" },
    gives: { exitCode: 0, stdout: "20-b.sh \n" },
  },
  {
    id: "run-parts/pattern",
    more: "what is no pattern runs nothing",
    files: scripts(["10-a"]),
    env: { RUN_PARTS_REGEX: "[" },
    gives: { exitCode: 1, stdout: "" },
    tells: /RUN_PARTS_REGEX is not a regular expression: \[/,
  },
  {
    id: "run-parts/list",
    files: { ...scripts(["10-b", "2-a", "30.no"]), ...words },
    args: ["--list", "x.d"],
    gives: { exitCode: 0, stdout: "x.d/2-a\nx.d/10-b\n" },
    never: /./,
  },
  {
    id: "run-parts/list",
    more: "none are none",
    files: scripts(["30.no"]),
    args: ["--list", "x.d"],
    gives: { exitCode: 0, stdout: "" },
    never: /./,
  },
  {
    id: "run-parts/profile",
    files: scripts(["2-second", "10-first", "abc"]),
    gives: { exitCode: 0 },
    tells: new RegExp(
      [
        "----------------------- PROFILING -----------------------",
        "",
        "Target: x\\.d",
        "",
        "Script                                     Seconds",
        "---------------------------------------  ----------",
        "",
        ...["10-first", "2-second", "abc"].map((name) => `${name.padEnd(40)} +\\d+\\.\\d{3}`),
        "",
        "--------------------- END PROFILING ---------------------\n$",
      ].join("\ndib-run-parts "),
    ),
  },
  {
    id: "run-parts/stops-at-failure",
    files: { ...scripts(["10-a", "30-c"]), "x.d/20-b": "#!/bin/bash\nexit 7\n" },
    gives: { exitCode: 7, stdout: "10-a \n" },
    never: /30-c|20-b completed|PROFILING/,
  },
  {
    id: "run-parts/stops-at-failure",
    more: "also when an environment file has turned -e off",
    files: { "x.d/20-b": "#!/bin/bash\nexit 7\n", "x.d/30-c": says, "environment.d/10-a": "set +e\n" },
    gives: { exitCode: 7, stdout: "" },
  },
  ...[[], ["--list"], ["nowhere"], ["x.d/10-a"], [""]].map((args): Row => ({
    id: "run-parts/usage",
    more: JSON.stringify(args),
    files: scripts(["10-a"]),
    args,
    gives: { exitCode: 1, stdout: "" },
    tells: /Usage: dib-run-parts \[--list\] DIR\n/,
  })),
  {
    id: "environment/lexical-order",
    files: {
      ...scripts(["10-x"]),
      ...Object.fromEntries(
        ["foo", "2-c", "20-d", "100-b", "10-a"].map((name) => [
          `environment.d/${name}`,
          `export WORD="\${WORD:-}${name},"\n`,
        ]),
      ),
      "environment.d/30-executable.bash": "#!/bin/bash\nexport WORD=${WORD}30,\n",
      "environment.d/40 spaced": "exit 9\n",
      "environment.d/50-folder/x": "exit 9\n",
    },
    gives: { exitCode: 0, stdout: "10-x 10-a,100-b,2-c,20-d,30,foo,\n" },
  },
  {
    id: "environment/lexical-order",
    more: "a folder without a file that is read is as none",
    files: { ...scripts(["10-x"]), "environment.d/not read": "exit 9\n" },
    gives: { exitCode: 0, stdout: "10-x \n" },
  },
  {
    id: "environment/unset-variable",
    files: { ...scripts(["10-x"]), "environment.d/10-a": "export WORD=$NOT_SET_ANYWHERE\n" },
    gives: { exitCode: 1, stdout: "" },
    tells: /NOT_SET_ANYWHERE: unbound variable/,
    never: /Running/,
  },
  {
    id: "environment/exit",
    files: { ...scripts(["10-x"]), "environment.d/10-a": "exit 3\n" },
    gives: { exitCode: 3, stdout: "" },
    never: /Running/,
  },
  {
    id: "environment/exit",
    more: "and so does a command that fails",
    files: { ...scripts(["10-x"]), "environment.d/10-a": "false | true\n" },
    gives: { exitCode: 1, stdout: "" },
  },
  {
    id: "environment/return",
    files: {
      ...scripts(["10-x"]),
      "environment.d/10-a": "export WORD=a\nreturn 0\nexport WORD=never\n",
      "environment.d/20-b": "export WORD=${WORD}b\n",
    },
    gives: { exitCode: 0, stdout: "10-x ab\n" },
  },
  {
    id: "environment/not-carried",
    files: {
      "environment.d/10-a": "WORD=quiet\nexport LOUD=loud\n",
      "x.d/10-x": '#!/bin/bash\necho "${WORD:-none} $LOUD"\nexport LOUD=changed NEXT=next\n',
      "x.d/20-y": '#!/bin/bash\necho "${NEXT:-none} $LOUD"\n',
    },
    gives: { exitCode: 0, stdout: "none loud\nnone loud\n" },
  },
  {
    id: "environment/not-carried",
    more: "values, which may be secret, are not traced",
    files: { ...scripts(["10-x"]), "environment.d/10-a": "export DIB_PASSWORD=hunter2\n" },
    gives: { exitCode: 0 },
    tells: /^dib-run-parts Sourcing environment file x\.d\/\.\.\/environment\.d\/10-a\n/,
    never: /hunter2/,
  },
];

for (const { id, files, args = ["x.d"], env = {}, more, gives, tells, never } of rows)
  vector(
    id,
    async () => {
      await using folder = await tempFolder();
      writeFiles(folder.path, files);
      const result = await resultOf(
        spawn(program, args, { cwd: folder.path, env: dibEnvironment({ cwd: folder.path, env }) }),
      );
      expect(result).toMatchObject(gives);
      if (tells !== undefined) expect(result.stderr).toMatch(tells);
      if (never !== undefined) expect(result.stderr).not.toMatch(never);
    },
    more,
  );

vector(
  "run-parts/filter",
  async () => {
    await using folder = await tempFolder();
    writeFiles(folder.path, { "else/where": says, "x.d/10-a": says });
    symlinkSync("../else/where", join(folder.path, "x.d/20-link"));
    symlinkSync("nothing", join(folder.path, "x.d/30-to-nothing"));
    symlinkSync("../else", join(folder.path, "x.d/40-to-a-folder"));
    symlinkSync("x.d", join(folder.path, "link.d"));
    const { stdout } = await runDropIn("dib-run-parts", ["--list", "link.d"], { cwd: folder.path });
    expect(stdout).toBe("link.d/10-a\nlink.d/20-link\n");
  },
  "links to files, and a folder that is a link",
);

vector(
  "run-parts/order",
  async () => {
    await using folder = await tempFolder();
    writeFiles(folder.path, { "x & |y/10-a": says });
    const { stdout } = await runDropIn("dib-run-parts", ["--list", "x & |y"], { cwd: folder.path });
    expect(stdout).toBe("x & |y/10-a\n");
  },
  "in a folder of any name",
);

vector(
  "run-parts/stops-at-failure",
  async () => {
    await using folder = await tempFolder();
    writeFiles(folder.path, { ...scripts(["10-a", "30-c"]), "x.d/20-b": "#!/bin/bash\nexit 7\n", ...words });
    expect(await runDropIn("dib-run-parts", ["x.d"], { cwd: folder.path })).toMatchObject({
      exitCode: 7,
      stdout: "10-a a\n",
    });
  },
  "by the command",
);
