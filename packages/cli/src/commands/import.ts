import { relative, resolve } from "node:path";
import { createExec, importElements, type ImportedElement } from "@dibjs/core";
import { childEnvironment } from "../child-environment.js";
import type { Given } from "../options.js";
import { sanitise } from "../progress/sanitise.js";
import type { Terminal } from "../terminal.js";
import { listenForInterrupts } from "../signals.js";
import { knownElements } from "./lint.js";

/** Prints the folder of each package that was made; what could not be mapped goes beside it. */
export async function importFolders(terminal: Terminal, given: Given, folders: readonly string[]): Promise<number> {
  const { out, err } = terminal;
  using interrupts = listenForInterrupts((text) => terminal.err.write(`${text}\n`));
  const imported = await importElements({
    sources: folders.map((folder) => resolve(folder)),
    into: resolve(given.into as string),
    scope: given.scope as string | undefined,
    license: given.license as string | undefined,
    known: await knownElements(given),
    exec: createExec(),
    env: childEnvironment(),
    signal: interrupts.signal,
  });
  const warnings = imported.flatMap(warningsOf);
  if (given.json === true) out.write((await import("../envelope.js")).formatData("import", { imported }, warnings));
  else {
    for (const { folder } of imported) out.write(`${relative(process.cwd(), folder) || "."}\n`);
    for (const warning of warnings) err.write(`${err.colours.yellow("warning:")} ${sanitise(warning)}\n`);
  }
  return 0;
}

const warningsOf = ({ name, warnings }: ImportedElement): string[] => warnings.map((warning) => `${name}: ${warning}`);
