import { elementRules, fileRules, sourceRules } from "@dibjs/core/lint/rules/table.js";
import { expect, test } from "vitest";
import { read } from "../../../house/source.js";

const names = [...fileRules, ...elementRules, ...sourceRules].map(({ name }) => name);

test("every rule of lint has a name of its own, and docs/lint.md explains these and no others", () => {
  const rows = [...read("docs/lint.md").matchAll(/^\| ((?:`[\w-]+` ?)+) *\|/gm)];
  const documented = rows.flatMap(([, cell = ""]) => [...cell.matchAll(/`([\w-]+)`/g)].map(([, name]) => name));
  expect(documented.toSorted()).toEqual(names.toSorted());
});
