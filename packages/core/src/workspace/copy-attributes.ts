import type { BuildContext } from "../context.js";
import { mustRun } from "../process/exec.js";

/** Mode, owner, time, ACLs and extended attributes of a folder itself, but what an overlay notes there. */
export async function copyAttributes(from: string, to: string, { exec }: Pick<BuildContext, "exec">): Promise<void> {
  const all = `--numeric-owner --acls --xattrs --xattrs-include='*' --xattrs-exclude='trusted.overlay.*'`;
  const script = `set -eu -o pipefail; tar --format=pax ${all} --no-recursion -C "$1" -cf - . | tar ${all} -C "$2" -xpf -`;
  await mustRun(exec, "bash", ["--norc", "-c", script, "attributes", from, to]);
}
