/** Programs and Python modules that a plan needs. */
import { BuildError } from "../errors.js";
import { needsFat } from "./check-disk.js";
import { hasFileSystem, type HostProbe } from "./host-probe.js";
import { coreTools, diskTools, dockerEngine, fatTools, packages, pythonModules } from "./host-tools.js";
import type { BuildPlan, PlannedHostCommand } from "./plan.js";

export async function checkTools(plan: BuildPlan, probe: HostProbe): Promise<readonly BuildError[]> {
  const needed = distinctCommands([...(await commandsOfCore(plan, probe)), ...plan.hostCommands]);
  const missing = await missingCommands(needed, probe);
  const tools = missing.map(({ command, neededFor, debian, fedora, opensuse }) => ({
    tool: command,
    neededFor,
    debian: debian ?? packages[command]?.debian,
    fedora: fedora ?? packages[command]?.fedora,
    opensuse: opensuse ?? packages[command]?.opensuse,
  }));
  const all = [...tools, ...(await missingModules(needed, plan, probe))];
  return all.length === 0 ? [] : [new BuildError("HOST_TOOL_MISSING", { tools: all })];
}

/** Asked of the interpreter that scripts get; without one the interpreter itself is what is missing. */
async function missingModules(needed: readonly PlannedHostCommand[], { environment }: BuildPlan, probe: HostProbe) {
  const given = environment.find(({ name }) => name === "DIB_PYTHON_EXEC")?.value;
  const asked = needed.flatMap(({ command, neededFor, modules = [] }) =>
    modules.map((module) => ({ python: given ?? command, module, neededFor })),
  );
  const missing = await Promise.all(
    asked.map(async ({ python, module }) => {
      const isThere = python.includes("/") || (await probe.which(python)) !== undefined;
      return isThere && !(await probe.hasPythonModule(python, module));
    }),
  );
  return asked
    .filter((_, index) => missing[index])
    .map(({ python, module, neededFor }) => ({
      tool: `${python} module ${module}`,
      neededFor,
      ...pythonModules[module],
    }));
}

async function commandsOfCore(plan: BuildPlan, probe: HostProbe): Promise<readonly PlannedHostCommand[]> {
  const of = (commands: readonly string[], neededFor: string) => commands.map((command) => ({ command, neededFor }));
  return [
    ...of(coreTools, "every build"),
    ...of(plan.disk === undefined ? [] : diskTools, "the disk"),
    ...of(
      needsFat(plan) && (await hasFileSystem("vfat", probe)) === false ? fatTools : [],
      "FAT, which this kernel can't mount",
    ),
  ];
}

/** Several may need one program; the first that says where it comes from is kept. */
function distinctCommands(commands: readonly PlannedHostCommand[]): readonly PlannedHostCommand[] {
  const byName = new Map<string, PlannedHostCommand>();
  for (const command of commands) {
    const known = byName.get(command.command);
    byName.set(command.command, known === undefined ? command : { ...command, ...known, ...together(known, command) });
  }
  return [...byName.values()];
}

const together = (known: PlannedHostCommand, more: PlannedHostCommand) => ({
  neededFor: joined(known.neededFor, more.neededFor),
  modules: [...new Set([...(known.modules ?? []), ...(more.modules ?? [])])],
});

const joined = (reasons: string, reason: string): string =>
  reasons.split(", ").includes(reason) ? reasons : `${reasons}, ${reason}`;

async function missingCommands(
  commands: readonly PlannedHostCommand[],
  probe: HostProbe,
): Promise<readonly PlannedHostCommand[]> {
  const found = await Promise.all(
    commands.map(async ({ command, or = [] }) =>
      (await Promise.all([command, ...or].map((name) => isThere(name, probe)))).includes(true),
    ),
  );
  return commands.filter((_, index) => found[index] === false);
}

/** Most are programs in PATH; a path may be a folder of files that a program reads. */
async function isThere(command: string, probe: HostProbe): Promise<boolean> {
  if (command === dockerEngine) return probe.dockerAnswers();
  return (await (command.startsWith("/") ? probe.kindOf(command) : probe.which(command))) !== undefined;
}
