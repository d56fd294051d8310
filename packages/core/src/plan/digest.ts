import { createHash } from "node:crypto";
import type { BuildPlan } from "./plan.js";

/** Lower-case hex. */
export const sha256 = (content: string | Uint8Array): string => createHash("sha256").update(content).digest("hex");

/** JSON with sorted keys and without undefined values: the same bytes for the same data. */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_, inner: unknown) =>
    inner !== null && typeof inner === "object" && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)))
      : inner,
  );
}

export const planDigest = (plan: BuildPlan): string => sha256(canonicalJson(plan));
