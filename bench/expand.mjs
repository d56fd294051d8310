// Discovers the elements of a folder and expands a set of them, as a build does first.
//   node expand.mjs FOLDER NAME…   tells what that took
//   node expand.mjs FOLDER         tells the largest set that goes together: with debian-minimal, in order of names
import { readdirSync } from "node:fs";
import { discoverElements, resolveElements } from "../packages/core/dist/index.js";

const [folder, ...names] = process.argv.slice(2);
const elementPaths = [{ path: folder, origin: "$ELEMENTS_PATH" }];
const started = performance.now();
const catalog = await discoverElements({ elementPaths, projectDir: "/", bundled: [] });
if (names.length > 0) {
  const { elements } = await expand(names);
  console.log(JSON.stringify({ ms: performance.now() - started, known: catalog.refs.size, expanded: elements.length }));
} else {
  let together = ["debian-minimal"];
  for (const name of readdirSync(folder).sort()) {
    if (!catalog.refs.has(name)) continue;
    const more = [...together, name];
    together = await expand(more).then(
      () => more,
      () => together,
    );
  }
  console.log(JSON.stringify(together));
}

function expand(asked) {
  const elements = asked.map((name) => ({ name, range: "*", origin: "arguments" }));
  const request = { elements, options: {}, arch: "amd64", base: false, ramdisk: false, ramdiskElement: "ramdisk" };
  return resolveElements(request, catalog);
}
