// A project with many installed elements, each a package of its own that needs about ten of the others.
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** Makes `folder` with `count` packages and ten times as many edges between them. Returns the names of its elements. */
export function makeProject(folder, count) {
  const names = Array.from({ length: count }, (_, index) => `element-${String(index).padStart(5, "0")}`);
  mkdirSync(join(folder, "node_modules/@bench"), { recursive: true });
  writeFileSync(join(folder, "package.json"), JSON.stringify({ name: "bench", private: true }));
  for (const [index, needed] of edges(count, count * 10).entries())
    writePackage(join(folder, "node_modules/@bench", names[index]), names[index], {
      requires: Object.fromEntries([...needed].map((at) => [names[at], "^1.0.0"])),
      ...(index === 0 ? { provides: { [names[0]]: ["operating-system"] } } : {}),
    });
  return names;
}

/** For each element those before it that it needs: near ones and far ones, the same ones each time. */
function edges(count, total) {
  const needed = Array.from({ length: count }, () => new Set());
  let made = 0;
  for (let step = 1; made < total; step++) {
    for (let index = step; index < count && made < total; index++, made++)
      needed[index].add(step % 2 === 1 ? index - step : Math.floor((index * step) / count / 2));
    made = needed.reduce((sum, { size }) => sum + size, 0);
    if (step > count) throw new Error(`${count} elements can't have ${total} edges without a circle`);
  }
  return needed;
}

function writePackage(folder, name, { requires, provides }) {
  for (const phase of ["install.d", "environment.d"]) mkdirSync(join(folder, phase), { recursive: true });
  const packages = Object.fromEntries(Object.keys(requires).map((needed) => [`@bench/${needed}`, "^1.0.0"]));
  const manifest = {
    name: `@bench/${name}`,
    version: "1.2.3",
    keywords: ["dib-element"],
    peerDependencies: packages,
    dib: { apiVersion: 1, elements: { [name]: "." }, requires, ...(provides === undefined ? {} : { provides }) },
  };
  writeFileSync(join(folder, "package.json"), JSON.stringify(manifest, undefined, 2));
  writeFileSync(join(folder, "install.d", `50-${name}`), "#!/bin/bash\ntrue\n");
  const variable = `DIB_${name.toUpperCase().replace("-", "_")}`;
  writeFileSync(join(folder, "environment.d", `10-${name}.bash`), `export ${variable}=1\n`);
}
