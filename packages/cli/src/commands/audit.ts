import type { Given } from "../options.js";
import { runAudit } from "../packages/audit-checks.js";
import { warnOfCutOff } from "../packages/cut-off.js";
import { openProject, readProjectPolicy } from "../packages/project.js";
import { openPackageProgress } from "../packages/progress.js";
import { sanitise } from "../progress/sanitise.js";
import { listenForInterrupts } from "../signals.js";
import { formatTable, indent } from "../table.js";
import type { Terminal } from "../terminal.js";

const refusedByPolicy = 6;

/** Holds the project's packages against its policy. 0 when nothing is refused, else 6. */
export async function audit(terminal: Terminal, given: Given): Promise<number> {
  await warnOfCutOff(terminal);
  const project = await openProject(process.cwd());
  const policy = await readProjectPolicy(project);
  const checks = await withProgress(terminal, ({ doing, signal }) =>
    runAudit({ project, policy, access: { folder: project.folder, policy, signal, answers: new Map() }, doing }),
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

interface Working {
  readonly doing: (what: string) => void;
  readonly signal: AbortSignal;
}

async function withProgress<T>(terminal: Terminal, work: (working: Working) => Promise<T>): Promise<T> {
  using progress = openPackageProgress(terminal);
  using interrupts = listenForInterrupts((text) => progress.note(text));
  return await work({ doing: (what) => progress.doing(what), signal: interrupts.signal });
}
