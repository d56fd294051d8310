import { realpath } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { trustedFolders } from "@dibjs/core/config/trusted-folders.js"; // this file alone: the project has a core of its own

const ownFolder = fileURLToPath(new URL(".", import.meta.url));

/** The URL of an entry of the @dibjs/cli that the project at or above `folder` has installed, unless that is this copy's. */
export async function findProjectCli(
  folder: string,
  entry: string,
  own: string = join(ownFolder, entry),
): Promise<string | undefined> {
  for (const at of trustedFolders(folder, Number(process.env.SUDO_UID ?? 0))) {
    const found = await realpath(join(at, "node_modules/@dibjs/cli/dist", entry)).catch(() => undefined);
    if (found !== undefined) return found === (await realpath(own)) ? undefined : pathToFileURL(found).href;
  }
  return undefined;
}
