import type { BuildContext } from "../context.js";
import type { PhaseRun } from "../phases/phase-run.js";
import { phaseNames } from "../phases/table.js";
import type { BuildPlan } from "../plan/plan.js";
import type { FromWorker } from "./protocol.js";

export type OpenShell = (request: Omit<FromWorker & { type: "break" }, "type">) => Promise<void>;

/** Break points are taps: `before-P` runs after every other tap of beforePhase, `after-P` before every other of afterPhase. */
export function tapBreakPoints(
  plan: BuildPlan,
  openShell: OpenShell,
  { hooks, emit }: BuildContext,
): (name: string, run: PhaseRun) => Promise<void> {
  const breakShell = async (name: string, run: PhaseRun) => {
    emit({ type: "break", name });
    const staysOutside = name === "after-error" && (run.env.break_outside_target ?? "") !== "";
    const isInside = run.phase.place === "chroot" && !staysOutside;
    const env = Object.fromEntries(Object.entries(run.env).filter(([variable]) => variable !== "break"));
    await openShell({
      name,
      chroot: isInside ? run.target.path : undefined,
      cwd: isInside ? "/" : run.target.path,
      env,
    });
  };
  const wanted = new Set(plan.settings.breaks);
  for (const phase of phaseNames) {
    const tap = { name: "break", rank: -1 };
    if (wanted.has(`before-${phase}`)) {
      hooks.beforePhase
        .for(phase)
        .add({ ...tap, stage: Number.MAX_SAFE_INTEGER, fn: (run) => breakShell(`before-${phase}`, run) });
    }
    if (wanted.has(`after-${phase}`)) {
      hooks.afterPhase
        .for(phase)
        .add({ ...tap, stage: Number.MIN_SAFE_INTEGER, fn: (run) => breakShell(`after-${phase}`, run) });
    }
  }
  return breakShell;
}
