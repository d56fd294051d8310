import { BuildError, createExec, findScriptedPackages, policyFile, readPackageLock } from "@dibjs/core";
import type { Given } from "../options.js";
import { recordApproval, withApproval, type Scripted } from "../packages/approvals.js";
import { candidates, parseSpec } from "../packages/spec.js";
import { openForChange, warnOfCutOff } from "../packages/cut-off.js";
import { openProject, readProjectPolicy, type Project } from "../packages/project.js";
import { openPackageProgress } from "../packages/progress.js";
import { runManager } from "../packages/run-manager.js";
import { holdProject, restoredNote } from "../packages/snapshot.js";
import { spellControls } from "../progress/sanitise.js";
import { listenForInterrupts } from "../signals.js";
import type { Terminal } from "../terminal.js";

/** Without names: what installed packages would run. With names: runs just their scripts, and records them in the policy. */
export async function approve(terminal: Terminal, given: Given, names: readonly string[]): Promise<number> {
  if (names.length === 0) await warnOfCutOff(terminal);
  const project = names.length === 0 ? await openProject(process.cwd()) : await openForChange(terminal);
  const policy = await readProjectPolicy(project);
  const lock = await readPackageLock(project.folder);
  const found = await findScriptedPackages(project.root);
  const scripted = found.map((each) => withApproval(each, policy, lock?.packages ?? []));
  if (names.length === 0) return list(terminal, given, scripted);

  if (project.manager.runScripts === undefined)
    throw new BuildError("MANAGER_UNSUPPORTED", {
      manager: project.manager.name,
      file: project.folder,
      reason: "it can't run the scripts of one package alone",
    });
  const chosen = names.flatMap((name) => choose(name, scripted));
  for (const { name, version, integrity } of chosen)
    if (integrity === undefined)
      throw new BuildError("INTEGRITY_MISSING", { package: `${name}@${version}`, file: lock?.file ?? "no lock file" });
  await runScripts(terminal, project, chosen);
  return tell(terminal, given, chosen);
}

/** `name`, in full or in short, or `name@version`. Throws PACKAGE_SCRIPTLESS. */
function choose(written: string, scripted: readonly Scripted[]): readonly Scripted[] {
  const { name: asked, version: only } = parseSpec(written);
  const isMeant = ({ name, version }: Scripted) => candidates(asked).includes(name) && (only ?? version) === version;
  const chosen = scripted.filter(isMeant);
  if (chosen.length > 0) return chosen;
  const known = scripted.map(({ name, version }) => `${name}@${version}`);
  throw new BuildError("PACKAGE_SCRIPTLESS", { package: written, known });
}

/** Each is approved once its scripts have run to their end. */
async function runScripts(terminal: Terminal, project: Project, chosen: readonly Scripted[]): Promise<void> {
  const { runScripts: argsFor } = project.manager;
  using progress = openPackageProgress(terminal);
  using interrupts = listenForInterrupts((text) => progress.note(text));
  await using _held = await holdProject(project, createExec(), () => progress.note(restoredNote));
  const hint = "Its scripts may have done a part of their work. No approval was recorded.";
  for (const each of chosen) {
    const label = labelOf(each);
    progress.doing(`running the scripts of ${label}`);
    const args = argsFor?.(each.name, each.version) ?? [];
    const run = { project, args, packages: [label], policy: { registries: {} }, hint };
    await runManager({ ...run, signal: interrupts.signal });
    await recordApproval(project, each);
  }
}

/** Both are what the package says of itself. */
const labelOf = ({ name, version }: Scripted): string => spellControls(`${name}@${version}`);

async function list({ out }: Terminal, { json }: Given, scripted: readonly Scripted[]): Promise<number> {
  if (json === true) return printJson(out, scripted);
  for (const each of scripted) {
    out.write(`${labelOf(each)}  ${each.state}\n`);
    for (const [event, command] of Object.entries(each.scripts)) out.write(`  ${event}: ${spellControls(command)}\n`);
  }
  return 0;
}

async function tell(terminal: Terminal, { json }: Given, chosen: readonly Scripted[]): Promise<number> {
  const approved = chosen.map((each) => ({ ...each, state: "approved" as const }));
  if (json === true) return printJson(terminal.out, approved);
  for (const each of approved) terminal.out.write(`${labelOf(each)} ${each.integrity}\n`);
  terminal.err.write(`recorded in ${policyFile}, and their scripts have run\n`);
  return 0;
}

async function printJson(out: Terminal["out"], packages: readonly Scripted[]): Promise<number> {
  const shown = packages.map(({ name, version, integrity, state, scripts }) => ({
    name,
    version,
    integrity,
    state,
    scripts,
  }));
  out.write((await import("../envelope.js")).formatData("approve", { packages: shown }));
  return 0;
}
