// Writes schema/dib.config.schema.json from the schema that config files are checked with. Run after a build.
import { writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { format, resolveConfig } from "prettier";
import { writtenConfigSchema } from "../dist/config/written.js";

const file = fileURLToPath(new URL("../schema/dib.config.schema.json", import.meta.url));
const options = await resolveConfig(file);
await writeFile(file, await format(JSON.stringify(writtenConfigSchema()), { ...options, parser: "json" }));
