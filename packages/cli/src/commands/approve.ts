import { BuildError, findScriptedPackages, policyFile, readPackageLock, readPolicy } from "@dibjs/core";
import type { Given } from "../options.js";
import { recordApprovals, withApproval, type Scripted } from "../packages/approvals.js";
import { candidates, parseSpec } from "../packages/spec.js";
import { openProject, type Project } from "../packages/project.js";
import { openPackageProgress } from "../packages/progress.js";
import { runManager } from "../packages/run-manager.js";
import { sanitise } from "../progress/sanitise.js";
import { listenForInterrupts } from "../signals.js";
import type { Terminal } from "../terminal.js";

/** Without names: what installed packages would run. With names: records them in the policy, and runs just their scripts. */
export async function approve(terminal: Terminal, given: Given, names: readonly string[]): Promise<number> {
  const project = await openProject(process.cwd());
  const policy = await readPolicy(project.folder);
  const lock = await readPackageLock(project.folder);
  const found = await findScriptedPackages(project.root);
  const scripted = found.map((each) => withApproval(each, policy, lock?.packages ?? []));
  if (names.length === 0) return list(terminal, given, scripted);

  const chosen = names.flatMap((name) => choose(name, scripted));
  for (const { name, version, integrity } of chosen)
    if (integrity === undefined)
      throw new BuildError("INTEGRITY_MISSING", { package: `${name}@${version}`, file: lock?.file ?? "no lock file" });
  if (project.manager.runScripts === undefined)
    throw new BuildError("MANAGER_UNSUPPORTED", {
      manager: project.manager.name,
      file: project.folder,
      reason: "it can't run the scripts of one package alone",
    });
  await recordApprovals(
    project.folder,
    Object.fromEntries(chosen.map(({ name, version, integrity = "" }) => [`${name}@${version}`, integrity])),
  );
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

async function runScripts(terminal: Terminal, project: Project, chosen: readonly Scripted[]): Promise<void> {
  const { runScripts: argsFor } = project.manager;
  using interrupts = listenForInterrupts((text) => terminal.err.write(`${text}\n`));
  using progress = openPackageProgress(terminal);
  for (const { name, version } of chosen) {
    const label = `${name}@${version}`;
    progress.doing(`running the scripts of ${label}`);
    const args = argsFor?.(name, version) ?? [];
    await runManager({ project, args, packages: [label], policy: { registries: {} }, signal: interrupts.signal });
  }
}

async function list({ out }: Terminal, { json }: Given, scripted: readonly Scripted[]): Promise<number> {
  if (json === true) return printJson(out, scripted);
  for (const { name, version, state, scripts } of scripted) {
    out.write(`${name}@${version}  ${state}\n`);
    for (const [event, command] of Object.entries(scripts)) out.write(`  ${event}: ${sanitise(command)}\n`);
  }
  return 0;
}

async function tell(terminal: Terminal, { json }: Given, chosen: readonly Scripted[]): Promise<number> {
  const approved = chosen.map((each) => ({ ...each, state: "approved" as const }));
  if (json === true) return printJson(terminal.out, approved);
  for (const { name, version, integrity } of approved) terminal.out.write(`${name}@${version} ${integrity}\n`);
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
