import { spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const packages = fileURLToPath(new URL("../../packages/", import.meta.url));

/** Runs a script of one of our elements by itself. Only what is given is in its environment. */
export function runScript(
  file: string,
  env: Readonly<Record<string, string>>,
): { readonly status: number | null; readonly stderr: string } {
  const { status, stderr } = spawnSync("bash", [join(packages, file)], {
    env: { PATH: process.env["PATH"], ...env },
    encoding: "utf8",
  });
  return { status, stderr };
}

/** A folder for PATH with programs of that name, each of them a script. */
export function fakePrograms(folder: string, programs: Readonly<Record<string, string>>): string {
  mkdirSync(folder, { recursive: true });
  for (const [name, body] of Object.entries(programs)) {
    writeFileSync(join(folder, name), `#!/bin/bash\n${body}\n`);
    chmodSync(join(folder, name), 0o755);
  }
  return folder;
}
