import { realpath } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const ownEntry = fileURLToPath(new URL("./main.js", import.meta.url));

/** The URL of the entry of the @dibjs/cli that the project at or above `folder` has installed, unless that is this copy. */
export async function findProjectCli(folder: string, own: string = ownEntry): Promise<string | undefined> {
  for (let at = folder; ; at = dirname(at)) {
    const entry = join(at, "node_modules/@dibjs/cli/dist/main.js");
    const found = await realpath(entry).catch(() => undefined);
    if (found !== undefined)
      return found === (await realpath(own)) || !(await isTrusted(at, folder)) ? undefined : pathToFileURL(found).href;
    if (at === dirname(at)) return undefined;
  }
}

/** Only root is choosy. Core is loaded for it alone: the hand-over costs nobody else the time. */
async function isTrusted(folder: string, from: string): Promise<boolean> {
  if (process.getuid?.() !== 0) return true;
  const { trustedFolders } = await import("@dibjs/core");
  return trustedFolders(from, Number(process.env.SUDO_UID ?? 0)).includes(folder);
}
