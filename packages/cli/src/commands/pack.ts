import { relative, resolve } from "node:path";
import { createExec, packElements, type PackReport } from "@dibjs/core";
import { childEnvironment } from "../child-environment.js";
import type { Given } from "../options.js";
import type { Terminal } from "../terminal.js";

/** Writes dib-manifest.json. What it says goes to stderr: npm pack --json has the other stream. */
export async function pack({ out, err }: Terminal, given: Given, [folder = "."]: readonly string[]): Promise<number> {
  const report = await packElements({ folder: resolve(folder), exec: createExec(), env: childEnvironment() });
  if (given.json === true) out.write((await import("../envelope.js")).formatData("pack", report, report.notes));
  else err.write(formatReport(report));
  return 0;
}

function formatReport({ name, version, file, files, links, emptyFolders, aside, notes }: PackReport): string {
  const counts = [`${files} files`, `${links} links`, `${emptyFolders} empty folders`].join(", ");
  return [
    `${name} ${version}: ${counts} in ${relative(process.cwd(), file)}`,
    ...aside.map((path) => `  ${path} is packed under another name`),
    ...notes.map((note) => `  note: ${note}`),
    "",
  ].join("\n");
}
