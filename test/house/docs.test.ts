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

test("links between pages lead to files, and to places in them", () => {
  const pages = [
    "README.md",
    "ARCHITECTURE.md",
    "CONTRIBUTING.md",
    ...filesUnder("docs").filter((file) => file.endsWith(".md")),
  ];
  const broken = pages.flatMap((page) =>
    [...read(page).matchAll(/\]\((?!https?:|mailto:)([^)#\s]*)(?:#([^)\s]+))?/g)].flatMap(([, link = "", anchor]) => {
      const target = link === "" ? page : join(dirname(page), link);
      const leads = existsSync(join(root, target)) && (anchor === undefined || anchorsOf(target).has(anchor));
      return leads ? [] : [`${page}: ${link}#${anchor ?? ""}`];
    }),
  );
  expect(broken).toEqual([]);
});

/** As renderers of Markdown make them of headings, and those written as HTML. */
function anchorsOf(page: string): ReadonlySet<string> {
  const text = read(page);
  const headings = [...text.matchAll(/^#+ (.*)$/gm)].map(([, heading = ""]) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, "")
      .replaceAll(" ", "-"),
  );
  return new Set([...headings, ...[...text.matchAll(/<a id="([^"]+)">/g)].map(([, id = ""]) => id)]);
}

test("the README of the CLI names every command", () => {
  const { commands } = createProgram(memoryTerminal().terminal, () => {});
  const rows = read("packages/cli/README.md").match(/^\| `dib .*$/gm) ?? [];
  const isNamed = (name: string) => rows.some((row) => new RegExp(`\`dib ${name}[ \`]`).test(row));
  expect(commands.map((command) => command.name()).filter((name) => !isNamed(name))).toEqual([]);
});
