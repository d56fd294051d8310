import { readFile, rename, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { findPolicy, isApproved, policyFile, type LockedPackage, type Policy, type ScriptedPackage } from "@dibjs/core";
import { writeInProject } from "./project-failure.js";
import { callerUid, type ProjectPlaces } from "./project.js";

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

/** Adds to the policy that holds for the project, which keeps whatever else it says. Whole or not at all. */
export async function recordApproval(
  { folder, root }: ProjectPlaces,
  { name, version, integrity = "" }: Scripted,
): Promise<void> {
  const known = await findPolicy(folder, callerUid());
  const file = known ?? join(root, policyFile);
  const text = known === undefined ? "{}" : await readFile(file, "utf8");
  const policy = JSON.parse(text.replace(/^\uFEFF/, "")) as { approved?: Record<string, string> };
  const all = Object.entries({ ...policy.approved, [`${name}@${version}`]: integrity }).sort(([a], [b]) =>
    a < b ? -1 : 1,
  );
  const written = { ...policy, approved: Object.fromEntries(all) };
  await writeInProject(dirname(file), async () => {
    await writeFile(`${file}.new`, `${JSON.stringify(written, null, 2)}\n`);
    await rename(`${file}.new`, file);
  });
}
