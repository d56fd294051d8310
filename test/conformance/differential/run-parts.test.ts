/** Random folders of scripts and environment files, listed and run by both. */
import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createExec } from "@dibjs/core/process/exec.js";
import fc from "fast-check";
import { expect, test } from "vitest";
import { root } from "../../house/source.js";
import { expectAgreement, type Facts } from "../../support/differences.js";
import { releasedDib } from "../../support/released-dib.js";
import { tempFolder } from "../../support/temp-folder.js";

interface Entry {
  readonly name: string;
  readonly kind: "script" | "not executable" | "folder" | "link" | "fails";
}

const letters = fc.constantFrom(..."0123456789aBz-_.");
const name = fc.string({ unit: letters, minLength: 1, maxLength: 7 }).filter((name) => !/^\.{1,2}$/.test(name));
const kind = fc.oneof(
  { weight: 12, arbitrary: fc.constant("script" as const) },
  { weight: 3, arbitrary: fc.constantFrom("not executable" as const, "folder" as const, "link" as const) },
  { weight: 1, arbitrary: fc.constant("fails" as const) },
);
const folder = fc.record({
  scripts: fc.uniqueArray(fc.record<Entry>({ name, kind }), {
    minLength: 1,
    maxLength: 8,
    selector: ({ name }) => name,
  }),
  environment: fc.uniqueArray(name, { maxLength: 5 }),
});

/** Each script says its name and what the environment files have made of SEEN. */
function writeFolder(at: string, { scripts, environment }: typeof folder extends fc.Arbitrary<infer T> ? T : never) {
  mkdirSync(join(at, "x.d"), { recursive: true });
  mkdirSync(join(at, "environment.d"));
  for (const { name, kind } of scripts) {
    const file = join(at, "x.d", name);
    if (kind === "folder") mkdirSync(file);
    else if (kind === "link") symlinkSync("/bin/true", file);
    else {
      writeFileSync(file, `#!/bin/sh\necho "\${0##*/}:$SEEN"\n${kind === "fails" ? "exit 3\n" : ""}`);
      chmodSync(file, kind === "not executable" ? 0o644 : 0o755);
    }
  }
  for (const each of environment) writeFileSync(join(at, "environment.d", each), `export SEEN="\${SEEN:-} ${each}"\n`);
}

const loop = `program=$1; shift
for folder; do
  echo "== $folder"; "$program" --list "$folder/x.d" 2>/dev/null; echo "list $?"
  "$program" "$folder/x.d" 2>/dev/null; echo "run $?"
done`;

/** What a program says of each of the folders: its list, its scripts' lines, and how both ended. */
async function runAll(program: string, folders: readonly string[]): Promise<Facts<string>> {
  const env = { PATH: process.env["PATH"] ?? "", LC_ALL: "C" };
  const { stdout } = await createExec()("bash", ["-c", loop, "bash", program, ...folders], { env });
  const parts = stdout.split(/^== (.*)\n/m).slice(1);
  return Object.fromEntries(folders.map((at, index) => [at, parts[2 * index + 1] ?? ""]));
}

test("100 random folders", async () => {
  await using temp = await tempFolder();
  const written = fc.sample(folder, { numRuns: 100, seed: 1 });
  const folders = written.map((each, index) => {
    const at = join(temp.path, `${index}${each.environment.length === 0 ? "-without-environment" : ""}`);
    writeFolder(at, each);
    return at;
  });
  const dib = await runAll(join((await releasedDib()).lib, "dib-run-parts"), folders);
  const ours = await runAll(join(root, "packages/core/lib/dib-run-parts"), folders);
  expect(Object.values(dib).filter((said) => /^run 3$/m.test(said)).length).toBeGreaterThan(0);
  expectAgreement(dib, ours, [
    {
      id: "environment-folder-empty",
      explains: (dib, _ours, key) => key.endsWith("-without-environment") && /^run 1$/m.test(dib ?? ""),
    },
  ]);
});
