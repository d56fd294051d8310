/** What npm, pnpm and yarn really write of an installed package. */
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { readIntegrities } from "@dibjs/core/lock/integrity.js";
import { expect, test } from "vitest";
import { tempFolder } from "../support/temp-folder.js";

const root = fileURLToPath(new URL("../..", import.meta.url));
const { packageManager } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { packageManager: string };
const pnpm = packageManager.replace(/\+.*/, "");

/** A small package that all of our checkouts have. */
const subject = "picocolors@1.1.1";

test.each([
  ["npm", ["npm", "install", "--ignore-scripts", "--no-audit", "--no-fund"]],
  ["pnpm", ["npx", "-y", pnpm, "install", "--ignore-scripts", "--no-frozen-lockfile"]],
  ["yarn", ["npx", "-y", "yarn@1.22.22", "install", "--ignore-scripts", "--no-progress"]],
])("%s's integrity of a package is the registry's", async (_, [program = "", ...args]) => {
  await using folder = await tempFolder();
  const [name = "", version = ""] = subject.split("@");
  writeFileSync(
    join(folder.path, "package.json"),
    JSON.stringify({ name: "project", version: "1.0.0", private: true, dependencies: { [name]: version } }),
  );
  execFileSync(program, args, { cwd: folder.path, stdio: "pipe" });
  const integrities = await readIntegrities(folder.path);
  expect(integrities.get(subject)).toBe(lockedByUs());
});

/** As the project's own lock has it, read another way. */
function lockedByUs(): string {
  const text = readFileSync(join(root, "pnpm-lock.yaml"), "utf8");
  const entry = text.slice(text.indexOf(`\n  ${subject}:\n`));
  return /integrity: ([^},]+)/.exec(entry)?.[1] ?? "not in pnpm-lock.yaml";
}
