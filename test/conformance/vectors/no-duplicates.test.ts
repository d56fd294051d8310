import { basename } from "node:path";
import { phaseNames } from "@dibjs/core/phases/table.js";
import { expect } from "vitest";
import { elements } from "../../house/element-packages.js";
import { filesUnder } from "../../house/source.js";
import { vector } from "../../support/vectors.js";

vector("duplicates/none", () => {
  const folders = phaseNames.map((name) => `${name}.d`);
  const scripts = elements.flatMap(({ name, folder }) =>
    filesUnder(folder)
      .filter((file) => folders.includes(basename(file.replace(/\/[^/]+$/, ""))))
      .map((file) => ({ name, script: file.split("/").slice(-2).join("/") })),
  );
  const isElsewhere = ({ name, script }: (typeof scripts)[number]) =>
    scripts.some((other) => other.script === script && other.name !== name);
  expect(scripts.length).toBeGreaterThan(10);
  expect(scripts.filter(isElsewhere)).toEqual([]);
});
