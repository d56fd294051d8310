import { BuildError } from "../errors.js";
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
        const result = await target.run("install-packages", plan.packages, { check: false });
        run.signal.throwIfAborted();
        if (result.exitCode !== 0)
          throw new BuildError("PACKAGES_FAILED", {
            packages: plan.packages,
            exitCode: result.exitCode ?? 1,
            tail: result.stderr.trim(),
          });
      }),
  });
}
