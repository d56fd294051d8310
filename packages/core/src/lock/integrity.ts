import { readPackageLock } from "../trust/locked-package.js";

/** `name@version` → integrity. */
export type Integrities = ReadonlyMap<string, string>;

/** Empty when there is no lock file, or none that can be read: an element's digest tells its content in any case. */
export async function readIntegrities(projectDir: string): Promise<Integrities> {
  const { packages } = (await readPackageLock(projectDir)) ?? { packages: [] };
  return new Map(
    packages.flatMap(({ name, version, integrity }) =>
      integrity === undefined ? [] : [[`${name}@${version}`, integrity] as const],
    ),
  );
}
