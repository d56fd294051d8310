import { constants } from "node:fs";
import { access } from "node:fs/promises";
import { delimiter, join } from "node:path";
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
  /** What to say of the project when it fails for no reason that is known. */
  readonly hint?: string;
}

/** Runs the project's package manager to its end. Throws what its failure means. */
export async function runManager({ project, args, policy, ...run }: ManagerRun): Promise<ExecResult> {
  const { manager, folder } = project;
  const all = [...args, ...scopeOptions(manager, policy)];
  return runProgram({ ...run, program: manager.program, args: all, folder });
}

interface ProgramRun {
  readonly program: string;
  readonly args: readonly string[];
  readonly packages: readonly string[];
  readonly folder: string;
  readonly signal?: AbortSignal | undefined;
  readonly hint?: string;
}

type Env = Readonly<Record<string, string>>;

/** Throws MANAGER_UNSUPPORTED when the program is not there, BUILD_INTERRUPTED, and what its failure means. */
export async function runProgram(run: ProgramRun, exec: Exec = createExec()): Promise<ExecResult> {
  const { program, args, packages, folder, signal, hint } = run;
  const env = managerEnvironment();
  const command = [program, ...args].join(" ");
  const [file, ...rest] = [...(await endingWithUs(exec, env)), program, ...args] as [string, ...string[]];
  const result = await exec(file, rest, { cwd: folder, env, ...(signal === undefined ? {} : { signal }) });
  if (signal?.aborted === true) throw interrupted(String(signal.reason), command);
  if (result.exitCode === 0) return result;
  // A lifecycle script may end so as well.
  if (result.exitCode === 127 && !(await isOnPath(program, env)))
    throw new BuildError(
      "MANAGER_UNSUPPORTED",
      { manager: program, file: folder, reason: "the program is not on the PATH" },
      { kind: "host" },
    );
  // Ctrl-C on a terminal reaches the package manager first, which then ends by itself.
  if (result.signal === "SIGINT" || result.exitCode === exitCodeOfSignal("SIGINT"))
    throw interrupted("SIGINT", command);
  throw failureOfManager({ command, packages, result, hint });
}

/** The kernel ends the program when dib is killed: a change that nobody checks any more must not go on. Linux alone can. */
async function endingWithUs(exec: Exec, env: Env): Promise<readonly string[]> {
  const command = ["setpriv", "--pdeathsig", "KILL"] as const;
  const [file, ...args] = command;
  const { exitCode } = await exec(file, [...args, "true"], { env });
  return exitCode === 0 ? command : [];
}

async function isOnPath(program: string, { PATH = "" }: Env): Promise<boolean> {
  for (const folder of PATH.split(delimiter)) {
    const isThere = await access(join(folder, program), constants.X_OK).then(
      () => true,
      () => false,
    );
    if (isThere) return true;
  }
  return false;
}

const interrupted = (signal: string, stage: string) => new BuildError("BUILD_INTERRUPTED", { signal, stage });

const scopeOptions = ({ scopeOption }: Manager, { registries }: Pick<Policy, "registries">): readonly string[] =>
  scopeOption === undefined ? [] : Object.entries(registries).map(([scope, registry]) => scopeOption(scope, registry));

/** npm waits 10 s and then a minute before it asks again a registry that does not answer; someone sits and waits here. */
function managerEnvironment(): Env {
  return {
    npm_config_fetch_retry_mintimeout: "1000",
    npm_config_fetch_retry_maxtimeout: "4000",
    npm_config_update_notifier: "false",
    COREPACK_ENABLE_DOWNLOAD_PROMPT: "0",
    ...childEnvironment(),
  };
}
