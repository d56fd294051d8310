/** What `dib audit` looks at, one after the other. */
import { basename, sep } from "node:path";
import {
  BuildError,
  boundRegistry,
  checkInstalledVersions,
  checkIntegrities,
  checkRegistries,
  findScriptedPackages,
  packageLockNames,
  readPackageLock,
  type LockedPackage,
  type PackageLock,
  type Policy,
} from "@dibjs/core";
import { withApproval } from "./approvals.js";
import { readProjectState } from "./conflicts.js";
import type { Project } from "./project.js";
import { configuredRegistry, type RegistryAccess } from "./registry.js";
import { findTooNew } from "./release-ages.js";
import { checkSignatures, invalidSignature } from "./signatures.js";

export interface AuditCheck {
  readonly check: string;
  readonly result: "fine" | "refused" | "warning" | "not checked";
  readonly detail: string;
  readonly findings: readonly BuildError[];
}

export interface AuditRequest {
  readonly project: Project;
  readonly policy: Policy;
  readonly access: RegistryAccess;
  readonly doing: (what: string) => void;
}

export async function runAudit(request: AuditRequest): Promise<readonly AuditCheck[]> {
  const { project, policy, access, doing } = request;
  const lock = await readPackageLock(project.folder);
  if (lock === undefined || !isKept(lock)) return [noLock(project)];
  doing("asking the registries for signatures and times of publication");
  return [
    integrityCheck(project, lock),
    await installedCheck(project, lock),
    await registryCheck(policy, lock.packages, access),
    verdict("release ages", await findTooNew(policy, lock.packages, access), {
      fine: policy.minimumReleaseAge === 0 ? undefined : `all are older than ${policy.minimumReleaseAge} minutes`,
      unchecked: "the policy has no minimumReleaseAge",
    }),
    await signatureCheck(policy, lock.packages, access),
    ...(await scriptChecks(project, policy, lock.packages)),
  ];
}

/** npm's note in node_modules says what this folder has; it goes to nobody else. */
const isKept = ({ file }: PackageLock): boolean => packageLockNames.includes(basename(file));

const noLock = ({ folder }: Project): AuditCheck => ({
  check: "integrity",
  result: "refused",
  detail: "there is no lock file",
  findings: [new BuildError("INTEGRITY_MISSING", { package: "anything", file: folder })],
});

function integrityCheck({ manager }: Project, { file, packages }: PackageLock): AuditCheck {
  if (manager.name === "yarn 2+")
    return verdict("integrity", [], {
      fine: undefined,
      unchecked: "yarn 2+ keeps checksums of its own archives instead",
    });
  return verdict("integrity", checkIntegrities(packages, file), {
    fine: `all of ${packages.length} packages have one`,
  });
}

/** What the lock file says is worth something for what is installed by it. */
async function installedCheck({ folder }: Project, lock: PackageLock): Promise<AuditCheck> {
  const { graph } = await readProjectState(folder);
  const installed = [...graph.packages.values()].filter(({ folder: at }) => at.split(sep).includes("node_modules"));
  return verdict("installed elements", checkInstalledVersions(installed, lock), {
    fine: `all of ${installed.length} packages are as locked`,
  });
}

async function registryCheck(
  policy: Policy,
  packages: readonly LockedPackage[],
  access: RegistryAccess,
): Promise<AuditCheck> {
  const bound = packages.filter(({ name }) => boundRegistry(policy, name) !== undefined);
  const unnamed = [...new Set(bound.filter(({ resolved }) => resolved === undefined).map(({ name }) => name))];
  const configured = new Map<string, string>();
  for (const name of unnamed) configured.set(name, await configuredRegistry(name, access));
  const findings = checkRegistries(policy, bound, (name) => configured.get(name) ?? "");
  const scopes = Object.keys(policy.registries);
  return verdict("registries", findings, {
    fine: scopes.length === 0 ? undefined : `${bound.length} packages of ${scopes.join(", ")}`,
    unchecked: "the policy binds no scope",
  });
}

async function signatureCheck(
  { signatures }: Policy,
  packages: readonly LockedPackage[],
  access: RegistryAccess,
): Promise<AuditCheck> {
  if (signatures === "off")
    return verdict("signatures", [], { fine: undefined, unchecked: "the policy turns them off" });
  const { checked, unchecked, findings, keyless } = await checkSignatures(packages, access);
  const reasons = keyless.map(({ url, reason }) => `${url === "" ? "the registry" : url}: ${reason}`);
  if (unchecked.length > 0) reasons.push(`${unchecked.length} packages have no integrity, which is what is signed`);
  if (signatures === "require") {
    const unproven = [
      ...keyless.map(({ packages: names, reason, url }) => invalidSignature(names.join(", "), `of ${url}, ${reason}`)),
      ...(unchecked.length > 0
        ? [invalidSignature(unchecked.join(", "), "the lock file has no integrity for it")]
        : []),
    ];
    return verdict("signatures", [...findings, ...unproven], { fine: `${checked} packages are signed` });
  }
  if (findings.length > 0)
    return { check: "signatures", result: "warning", detail: `${findings.length} of ${checked} packages`, findings };
  return verdict("signatures", [], {
    fine: reasons.length === 0 ? `${checked} packages are signed` : undefined,
    unchecked: reasons.join("; "),
  });
}

/** dib never runs a script that is not approved, so one that is not is only worth knowing; one of another content is worse. */
async function scriptChecks(
  { root }: Project,
  policy: Policy,
  packages: readonly LockedPackage[],
): Promise<readonly AuditCheck[]> {
  const scripted = (await findScriptedPackages(root)).map((each) => withApproval(each, policy, packages));
  const stale = scripted
    .filter(({ state }) => state === "approved with another content")
    .map(({ name, version, integrity = "none" }) => {
      const label = `${name}@${version}`;
      return new BuildError("APPROVAL_STALE", {
        package: label,
        approved: policy.approved[label] ?? "",
        actual: integrity,
      });
    });
  if (stale.length > 0) return [verdict("lifecycle scripts", stale, { fine: undefined })];
  const open = scripted
    .filter(({ state }) => state === "not approved")
    .map(({ name, version }) => `${name}@${version}`);
  if (open.length === 0)
    return [verdict("lifecycle scripts", [], { fine: `${scripted.length} packages, all approved` })];
  const detail = `not approved, and not run by dib: ${open.join(", ")}`;
  return [{ check: "lifecycle scripts", result: "warning", detail, findings: [] }];
}

/** Refused when there is anything; `fine` undefined means that nothing was looked at. */
function verdict(
  check: string,
  findings: readonly BuildError[],
  { fine, unchecked = "" }: { readonly fine: string | undefined; readonly unchecked?: string },
): AuditCheck {
  if (findings.length > 0) return { check, result: "refused", detail: `${findings.length} findings`, findings };
  return { check, result: fine === undefined ? "not checked" : "fine", detail: fine ?? unchecked, findings };
}
