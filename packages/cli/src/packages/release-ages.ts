import { checkReleaseAges, isExcluded, type BuildError, type LockedPackage, type Policy } from "@dibjs/core";
import { fewAtOnce } from "./at-once.js";
import { viewPackage, type RegistryAccess } from "./registry.js";

/** RELEASE_TOO_NEW for packages that the policy finds too young. Asks the registry only if the policy wants to know. */
export async function findTooNew(
  policy: Policy,
  packages: readonly LockedPackage[],
  registry: RegistryAccess,
): Promise<readonly BuildError[]> {
  if (policy.minimumReleaseAge === 0) return [];
  const asked = packages.filter(({ name, isLink }) => isLink !== true && !isExcluded(policy, name));
  const releases = await fewAtOnce(asked, async ({ name, version }) => {
    const found = await viewPackage(`${name}@${version}`, registry);
    return { name, version, published: found?.times[version] };
  });
  return checkReleaseAges(policy, releases, new Date());
}
