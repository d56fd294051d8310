import { access, constants } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/**
 * Existing elements call sudo in outside phases. The worker is root already: where the host has no sudo, a stand-in is
 * put first in PATH. Returns its folder, or undefined when the real one is there.
 */
export async function sudoStandIn(path: string): Promise<string | undefined> {
  for (const folder of path.split(":").filter(Boolean)) {
    const isThere = await access(join(folder, "sudo"), constants.X_OK).then(
      () => true,
      () => false,
    );
    if (isThere) return undefined;
  }
  return fileURLToPath(new URL("../../libexec/stand-ins", import.meta.url));
}
