// Writes schema/*.json: what config files are checked with, and what a report holds. Run after a build.
import { writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { format, resolveConfig } from "prettier";
import { writtenConfigSchema } from "../dist/config/written.js";
import { reportSchema } from "../dist/report/report.js";

const schemas = { "dib.config.schema.json": writtenConfigSchema(), "report.schema.json": reportSchema() };
for (const [name, schema] of Object.entries(schemas)) {
  const file = fileURLToPath(new URL(`../schema/${name}`, import.meta.url));
  const options = await resolveConfig(file);
  await writeFile(file, await format(JSON.stringify(schema), { ...options, parser: "json" }));
}
