import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { expect, test } from "vitest";
import { renderPages } from "../../scripts/docs/pages.mjs";
import { filesUnder, read, root } from "./source.js";

test("the pages that are made from code are current (npm run docs)", async () => {
  for (const [page, text] of Object.entries(await renderPages())) expect(read(page), page).toBe(text);
});

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
