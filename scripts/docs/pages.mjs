// Which pages are made from code, by path.
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { format, resolveConfig } from "prettier";
import { renderApi } from "./api.mjs";
import { readDifferences, renderDifferences } from "./differences.mjs";
import { renderErrors } from "./errors.mjs";
import { renderGallery } from "./gallery.mjs";
import { renderManifest } from "./manifest.mjs";
import { readRequests, readResults, reasonsOf, renderReleasedElements } from "./released-elements.mjs";

const at = (path) => fileURLToPath(new URL(`../../${path}`, import.meta.url));

/**
 * Path → text, as prettier writes it, but for the page that goes with the CLI as it is and the long tables: padded columns
 * would change all of their lines for a longer cell in one.
 */
export async function renderPages() {
  const errors = renderErrors(readFileSync(at("packages/core/src/errors.ts"), "utf8"));
  const pages = {
    "docs/gallery.md": renderGallery(at("packages")),
    "docs/reference/manifest.md": renderManifest(at("packages/core/dist/index.d.ts")),
    "docs/reference/core.md": renderApi({
      name: "@dibjs/core",
      about:
        "The engine. Elements use `defineElement` and the types; programs that build images use `loadConfig`, `planImage` and `buildImage`.",
      declarations: at("packages/core/dist/index.d.ts"),
      // docs/errors.md; and the order of names in an inferred type differs from one compilation to the next
      elsewhere: ["catalogue", "createHooks"],
    }),
    "docs/reference/testkit.md": renderApi({
      name: "@dibjs/testkit",
      about: "What the author of an element tests with; its README has examples.",
      declarations: at("packages/testkit/dist/index.d.ts"),
    }),
  };
  const written = {
    "docs/errors.md": errors,
    "packages/cli/errors.md": errors,
    "docs/differences.md": renderDifferences(readDifferences(), reasonsOf(readRequests())),
    "docs/released-elements.md": renderReleasedElements(readRequests(), readResults()),
  };
  for (const [path, text] of Object.entries(pages))
    written[path] = await format(text, { ...(await resolveConfig(at(path))), parser: "markdown" });
  return written;
}
