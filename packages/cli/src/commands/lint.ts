import { join, relative, resolve } from "node:path";
import { createExec, lintElements, readRelations, type LintReport, type LintRequest } from "@dibjs/core";
import { childEnvironment } from "../child-environment.js";
import type { Given } from "../options.js";
import { sanitise, sanitiseLine } from "../progress/sanitise.js";
import type { Colours, Terminal } from "../terminal.js";
import { findElements } from "./elements.js";

/** Exit code 1 when something is found: the request was fine, the elements are not. */
export async function lint({ out, err }: Terminal, given: Given, folders: readonly string[]): Promise<number> {
  const tools = { exec: createExec(), env: childEnvironment(), known: await knownElements(given) };
  const reports: LintReport[] = [];
  for (const folder of folders.length === 0 ? ["."] : folders)
    reports.push(await lintElements({ folder: resolve(folder), ...tools }));
  const findings = reports.flatMap((report) => report.findings);
  const notes = [...new Set(reports.flatMap((report) => report.notes))];
  if (given.json === true) out.write((await import("../envelope.js")).formatData("lint", { reports }, notes));
  else {
    out.write(reports.flatMap((report) => formatFindings(report, out.colours)).join(""));
    err.write([...notes.map((note) => `note: ${note}\n`), formatSummary(reports, err.colours)].join(""));
  }
  return findings.length === 0 ? 0 : 1;
}

/** All that can be used here, by name; what can't be read of them harms no other. */
export async function knownElements(given: Given): Promise<NonNullable<LintRequest["known"]>> {
  const { refs } = await findElements(given);
  const known = await Promise.all([...refs.values()].map((ref) => readRelations(ref).catch(() => undefined)));
  return new Map(known.flatMap((each) => (each === undefined ? [] : [[each.name, each]])));
}

const formatFindings = ({ folder, findings }: LintReport, { bold, dim, red }: Colours): string[] =>
  findings.map(({ rule, file, line, message, hint }) => {
    const place = sanitiseLine(relative(process.cwd(), join(folder, file)) || ".");
    const told = `${bold(line === undefined ? place : `${place}:${line}`)}  ${red(rule)}  ${sanitise(message)}\n`;
    return hint === undefined ? told : `${told}  ${dim(`hint: ${hint}`)}\n`;
  });

function formatSummary(reports: readonly LintReport[], { green, red }: Colours): string {
  const count = (of: (report: LintReport) => number) => reports.reduce((sum, report) => sum + of(report), 0);
  const found = count(({ findings }) => findings.length);
  const elements = count((report) => report.elements.length);
  const files = count((report) => report.files);
  const checked = `${number(elements, "element")}, ${number(files, "file")}`;
  return found === 0
    ? `${green("✔")} ${checked}: nothing found\n`
    : `${red("✖")} ${checked}: ${number(found, "finding")}\n`;
}

const number = (count: number, of: string): string => `${count} ${of}${count === 1 ? "" : "s"}`;
