import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { createProgram } from "@dibjs/cli/program.js";
import { expect, test } from "vitest";
import { renderPages } from "../../scripts/docs/pages.mjs";
import { memoryTerminal } from "../unit/cli/memory-terminal.js";
import { filesUnder, read, root } from "./source.js";

test("the pages that are made from code are current (npm run docs)", async () => {
  for (const [page, text] of Object.entries(await renderPages())) expect(read(page), page).toBe(text);
}, 120_000); // the compiler reads all of core: half a minute on a busy machine

test("links between pages lead to files", () => {
  const pages = [
    "README.md",
    "ARCHITECTURE.md",
    "CONTRIBUTING.md",
    ...filesUnder("docs").filter((file) => file.endsWith(".md")),
  ];
  const broken = pages.flatMap((page) =>
    [...read(page).matchAll(/\]\((?!https?:|#|mailto:)([^)#\s]+)/g)].flatMap(([, link = ""]) =>
      existsSync(join(root, dirname(page), link)) ? [] : [`${page}: ${link}`],
    ),
  );
  expect(broken).toEqual([]);
});

test("the README of the CLI names every command", () => {
  const { commands } = createProgram(memoryTerminal().terminal, () => {});
  const rows = read("packages/cli/README.md").match(/^\| `dib .*$/gm) ?? [];
  const isNamed = (name: string) => rows.some((row) => new RegExp(`\`dib ${name}[ \`]`).test(row));
  expect(commands.map((command) => command.name()).filter((name) => !isNamed(name))).toEqual([]);
});
