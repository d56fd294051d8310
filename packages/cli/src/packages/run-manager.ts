import { BuildError, createExec, type Exec, type ExecResult, type Policy } from "@dibjs/core";
import { childEnvironment } from "../child-environment.js";
import { exitCodeOfSignal } from "../failure.js";
import { failureOfManager } from "./failure-of-manager.js";
import type { Manager } from "./manager.js";
import type { Project } from "./project.js";

export interface ManagerRun {
  readonly project: Project;
  readonly args: readonly string[];
  /** What it is about, for failures. */
  readonly packages: readonly string[];
  readonly policy: Pick<Policy, "registries">;
  readonly signal: AbortSignal;
}

/** Runs the project's package manager to its end. Throws what its failure means. */
export async function runManager({ project, args, packages, policy, signal }: ManagerRun): Promise<ExecResult> {
  const { manager, folder } = project;
  const all = [...args, ...scopeOptions(manager, policy)];
  return runProgram({ program: manager.program, args: all, packages, folder, signal });
}

interface ProgramRun {
  readonly program: string;
  readonly args: readonly string[];
  readonly packages: readonly string[];
  readonly folder: string;
  readonly signal?: AbortSignal | undefined;
}

/** Throws MANAGER_UNSUPPORTED when the program is not there, BUILD_INTERRUPTED, and what its failure means. */
export async function runProgram(run: ProgramRun, exec: Exec = createExec()): Promise<ExecResult> {
  const { program, args, packages, folder, signal } = run;
  const result = await exec(program, args, {
    cwd: folder,
    env: managerEnvironment(),
    ...(signal === undefined ? {} : { signal }),
  });
  const command = [program, ...args].join(" ");
  if (signal?.aborted === true) throw interrupted(String(signal.reason), command);
  if (result.exitCode === 0) return result;
  if (result.exitCode === 127)
    throw new BuildError(
      "MANAGER_UNSUPPORTED",
      { manager: program, file: folder, reason: "the program is not on the PATH" },
      { kind: "host" },
    );
  // Ctrl-C on a terminal reaches the package manager first, which then ends by itself.
  if (result.signal === "SIGINT" || result.exitCode === exitCodeOfSignal("SIGINT"))
    throw interrupted("SIGINT", command);
  throw failureOfManager({ command, packages, result });
}

const interrupted = (signal: string, stage: string) => new BuildError("BUILD_INTERRUPTED", { signal, stage });

const scopeOptions = ({ scopeOption }: Manager, { registries }: Pick<Policy, "registries">): readonly string[] =>
  scopeOption === undefined ? [] : Object.entries(registries).map(([scope, registry]) => scopeOption(scope, registry));

/** npm waits 10 s and then a minute before it asks again a registry that does not answer; someone sits and waits here. */
export function managerEnvironment(): Readonly<Record<string, string>> {
  return {
    npm_config_fetch_retry_mintimeout: "1000",
    npm_config_fetch_retry_maxtimeout: "4000",
    npm_config_update_notifier: "false",
    COREPACK_ENABLE_DOWNLOAD_PROMPT: "0",
    ...childEnvironment(),
  };
}
