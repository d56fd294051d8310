import { BuildError } from "../errors.js";
import { hostEnvironment } from "../phases/environment.js";
import type { PhaseSetting } from "../phases/run-phases.js";

const variables = ["EXTRA_DETACH", "EXTRA_UNMOUNT"] as const;

/**
 * Runs the commands that the caller has for the moment when the target's mounts are gone: after the tree, and at the end
 * however that comes. A command is words, as DIB takes it: no shell reads it. Throws SCRIPT_FAILED.
 */
export async function runExtraUnmount(setting: PhaseSetting): Promise<void> {
  const { plan, places, workspace, pathPrefix, ctx, output } = setting;
  const env = hostEnvironment(plan, places, workspace, pathPrefix);
  for (const script of variables) {
    const [command, ...args] = (env[script] ?? "").split(/\s+/).filter(Boolean);
    if (command === undefined) continue;
    const ref = { phase: "cleanup", element: "-", script };
    const { exitCode, signal } = await ctx.exec(command, args, {
      cwd: places.cwd,
      env,
      onOutput: (stream, source) => output.pipe(ref, stream, source),
    });
    if (exitCode !== 0) throw new BuildError("SCRIPT_FAILED", { ...ref, exitCode, signal, tail: output.tail(ref) });
  }
}
