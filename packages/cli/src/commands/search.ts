import { BuildError } from "@dibjs/core";
import type { Given } from "../options.js";
import { openProject } from "../packages/project.js";
import { runProgram } from "../packages/run-manager.js";
import { sanitiseLine } from "../progress/sanitise.js";
import { formatTable } from "../table.js";
import type { Terminal } from "../terminal.js";

interface Found {
  readonly name: string;
  readonly version: string;
  readonly description: string;
  readonly date: string | undefined;
}

const keyword = "keywords:dib-element";

/** Asks the configured registry for packages with the keyword dib-element, and these words. 0 also when there is none. */
export async function search({ out, err }: Terminal, given: Given, words: readonly string[]): Promise<number> {
  const { folder } = await openProject(process.cwd());
  const limit = String(given.limit ?? 50);
  const { stdout } = await runProgram({
    program: "npm",
    args: ["search", "--json", `--searchlimit=${limit}`, "--", keyword, ...words],
    packages: [[keyword, ...words].join(" ")],
    folder,
  });
  const found = parseFound(stdout);
  if (given.json === true) {
    out.write((await import("../envelope.js")).formatData("search", { packages: found }));
    return 0;
  }
  const rows = found.map(({ name, version, description }) => [name, version, description].map(sanitiseLine));
  for (const line of formatTable(rows)) out.write(`${line}\n`);
  if (found.length === 0) err.write("no element package matches\n");
  return 0;
}

/** Throws REGISTRY_ANSWER_INVALID: a registry may answer a search with something else, if it has none. */
function parseFound(stdout: string): readonly Found[] {
  const flaw = (reason: string, cause?: unknown) =>
    new BuildError("REGISTRY_ANSWER_INVALID", { package: keyword, reason }, { cause });
  let answer: unknown;
  try {
    answer = JSON.parse(stdout.trim() === "" ? "[]" : stdout);
  } catch (error) {
    throw flaw(error instanceof Error ? error.message : String(error), error);
  }
  if (!Array.isArray(answer)) throw flaw("it is no list of packages");
  return (answer as readonly Partial<Found>[]).flatMap(({ name, version, description, date }) =>
    typeof name === "string" ? [{ name, version: version ?? "", description: description ?? "", date }] : [],
  );
}
