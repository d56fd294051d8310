import { readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { isApproved, policyFile, type LockedPackage, type Policy, type ScriptedPackage } from "@dibjs/core";

export type ApprovalState = "approved" | "not approved" | "approved with another content";

export interface Scripted extends ScriptedPackage {
  readonly integrity: string | undefined;
  readonly state: ApprovalState;
}

/** What installed packages would run, with what the policy and the lock file say of it. */
export function withApproval(found: ScriptedPackage, policy: Policy, locked: readonly LockedPackage[]): Scripted {
  const entry = locked.find(({ name, version }) => name === found.name && version === found.version);
  const { name, version } = found;
  const isCurrent = isApproved(policy, { name, version, integrity: entry?.integrity });
  const isKnown = Object.hasOwn(policy.approved, `${name}@${version}`);
  const state = isCurrent ? "approved" : isKnown ? "approved with another content" : "not approved";
  return { ...found, integrity: entry?.integrity, state };
}

/** Adds to the policy file, which keeps whatever else it says. Whole or not at all. */
export async function recordApprovals(projectDir: string, approvals: Readonly<Record<string, string>>): Promise<void> {
  const file = join(projectDir, policyFile);
  const text = await readFile(file, "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return "{}";
    throw error;
  });
  const policy = JSON.parse(text.replace(/^\uFEFF/, "")) as { approved?: Record<string, string> };
  const all = Object.entries({ ...policy.approved, ...approvals }).sort(([a], [b]) => (a < b ? -1 : 1));
  const written = { ...policy, approved: Object.fromEntries(all) };
  await writeFile(`${file}.new`, `${JSON.stringify(written, null, 2)}\n`);
  await rename(`${file}.new`, file);
}
