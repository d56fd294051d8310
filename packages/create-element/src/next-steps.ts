import { relative } from "node:path";
import type { CreatedPackage } from "./create.js";

/** What was made, and what comes next. */
export function formatCreated({ package: name, folder, files }: CreatedPackage, cwd: string): string {
  const place = relative(cwd, folder);
  return [
    `Made ${name}${place === "" ? "" : ` in ${place}`}:`,
    ...files.map((file) => `  ${file}`),
    "",
    "Next:",
    ...(place === "" ? [] : [`  cd ${place}`]),
    "  npm install",
    "  npm test          # runs it on a small tree; needs root or sudo",
    "  npm run lint",
    "",
  ].join("\n");
}
