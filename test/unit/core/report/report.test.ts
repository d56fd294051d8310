import { readFile } from "node:fs/promises";
import { reportSchema } from "@dibjs/core/report/report.js";
import { expect, test } from "vitest";

test("the report's JSON Schema is current: node packages/core/scripts/generate-schema.mjs writes it", async () => {
  const file = new URL("../../../../packages/core/schema/report.schema.json", import.meta.url);
  expect(JSON.parse(await readFile(file, "utf8"))).toEqual(JSON.parse(JSON.stringify(reportSchema())));
});
