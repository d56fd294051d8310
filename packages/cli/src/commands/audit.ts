import { readPolicy } from "@dibjs/core";
import type { Given } from "../options.js";
import { runAudit } from "../packages/audit-checks.js";
import { openProject } from "../packages/project.js";
import { openPackageProgress } from "../packages/progress.js";
import { sanitise } from "../progress/sanitise.js";
import { listenForInterrupts } from "../signals.js";
import { formatTable, indent } from "../table.js";
import type { Terminal } from "../terminal.js";

const refusedByPolicy = 6;

/** Holds the project's packages against its policy. 0 when nothing is refused, else 6. */
export async function audit(terminal: Terminal, given: Given): Promise<number> {
  const project = await openProject(process.cwd());
  const policy = await readPolicy(project.folder);
  using interrupts = listenForInterrupts((text) => terminal.err.write(`${text}\n`));
  const checks = await withProgress(terminal, (doing) =>
    runAudit({
      project,
      policy,
      access: { folder: project.folder, policy, signal: interrupts.signal, answers: new Map() },
      doing,
    }),
  );
  const exitCode = checks.some(({ result }) => result === "refused") ? refusedByPolicy : 0;
  const shown = checks.map(({ findings, ...check }) => ({
    ...check,
    findings: findings.map(({ code, message, hint }) => ({ code, message, hint })),
  }));
  if (given.json === true) {
    terminal.out.write((await import("../envelope.js")).formatData("audit", { checks: shown }));
    return exitCode;
  }
  const table = formatTable(checks.map(({ check, result, detail }) => [check, result, detail]));
  shown.forEach(({ findings }, index) => {
    const lines = findings.map(({ code, message }) => `${code} ${message}`);
    terminal.out.write(sanitise([table[index] ?? "", ...indent(lines), ""].join("\n")));
  });
  return exitCode;
}

async function withProgress<T>(terminal: Terminal, work: (doing: (what: string) => void) => Promise<T>): Promise<T> {
  using progress = openPackageProgress(terminal);
  return await work((what) => progress.doing(what));
}
