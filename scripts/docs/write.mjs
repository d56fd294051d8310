// Writes the pages that are made from code: npm run docs. A house test fails when one is out of date.
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { renderPages } from "./pages.mjs";

const root = new URL("../..", import.meta.url);
for (const [page, text] of Object.entries(await renderPages())) {
  mkdirSync(dirname(new URL(page, root).pathname), { recursive: true });
  writeFileSync(new URL(page, root), text);
  console.log(`wrote ${page}`);
}
