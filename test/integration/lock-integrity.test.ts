/** What npm, pnpm and yarn really write of an installed package. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { readIntegrities } from "@dibjs/core/lock/integrity.js";
import { expect, test } from "vitest";
import { root } from "../house/source.js";
import { runClient } from "../support/package-managers.js";
import { tempFolder } from "../support/temp-folder.js";

/** A small package that all of our checkouts have. */
const subject = "picocolors@1.1.1";

test.each([
  ["npm", ["install", "--ignore-scripts", "--no-audit", "--no-fund"]],
  ["pnpm", ["install", "--ignore-scripts", "--no-frozen-lockfile"]],
  ["yarn", ["install", "--ignore-scripts", "--no-progress"]],
] as const)("%s's integrity of a package is the registry's", async (client, args) => {
  await using folder = await tempFolder();
  const [name = "", version = ""] = subject.split("@");
  writeFileSync(
    join(folder.path, "package.json"),
    JSON.stringify({ name: "project", version: "1.0.0", private: true, dependencies: { [name]: version } }),
  );
  await runClient(client, args, folder.path);
  const integrities = await readIntegrities(folder.path);
  expect(integrities.get(subject)).toBe(lockedByUs());
});

/** As the project's own lock has it, read another way. */
function lockedByUs(): string {
  const text = readFileSync(join(root, "pnpm-lock.yaml"), "utf8");
  const entry = text.slice(text.indexOf(`\n  ${subject}:\n`));
  return /integrity: ([^},]+)/.exec(entry)?.[1] ?? "not in pnpm-lock.yaml";
}
