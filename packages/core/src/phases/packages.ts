import { BuildError, isBuildError, type ErrorContext } from "../errors.js";
import type { Hooks } from "../hooks.js";
import type { BuildPlan } from "../plan/plan.js";

/** `-p`: one `install-packages` in the chroot, after all scripts of the install phase. Unlike DIB, with its environment. */
export function tapPackages(plan: BuildPlan, hooks: Hooks): void {
  if (plan.packages.length === 0) return;
  const script = { name: "packages", element: "-", kind: "shell" } as const;
  hooks.phase.for("install").add({
    name: "packages",
    rank: -1,
    stage: Number.MAX_SAFE_INTEGER,
    fn: (run) =>
      run.perform(script, async ({ target }) => {
        await target.run("install-packages", plan.packages).catch((error: unknown) => {
          throw asPackagesFailed(error, plan.packages);
        });
      }),
  });
}

/** What says more than that the program failed (no space, a download that was refused) stays as it is. */
function asPackagesFailed(error: unknown, packages: readonly string[]): unknown {
  if (!isBuildError(error) || error.code !== "SCRIPT_FAILED") return error;
  const { exitCode = 1, tail } = error.context as ErrorContext<"SCRIPT_FAILED">;
  return new BuildError("PACKAGES_FAILED", { packages, exitCode, tail }, { cause: error });
}
