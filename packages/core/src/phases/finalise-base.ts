import { opendir, readdir, rm, truncate } from "node:fs/promises";
import { join } from "node:path";
import type { BuildContext } from "../context.js";
import { unmountBelow } from "../workspace/mounts.js";
import type { ResolvConf } from "../workspace/resolv-conf.js";
import { resolveInRoot } from "../workspace/target.js";

/** After cleanup.d, DIB's last touches: resolv.conf as the image will have it, no /tmp content, empty logs, no /root/*.log. */
export async function finaliseBase(root: string, resolvConf: ResolvConf, ctx: BuildContext): Promise<void> {
  await resolvConf.finalise();
  const tmp = await resolveInRoot(root, "/tmp");
  await unmountBelow(tmp, ctx);
  for (const name of await readdir(tmp).catch(() => [])) await rm(join(tmp, name), { recursive: true, force: true });
  await emptyFiles(await resolveInRoot(root, "/var/log"));
  const home = await resolveInRoot(root, "/root");
  for (const name of await readdir(home).catch(() => []))
    if (name.endsWith(".log")) await rm(join(home, name), { force: true });
}

/** Truncates every regular file below a folder; links are not followed. */
async function emptyFiles(folder: string): Promise<void> {
  const entries = await opendir(folder).catch(() => undefined);
  if (entries === undefined) return;
  for await (const entry of entries) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) await emptyFiles(path);
    else if (entry.isFile()) await truncate(path, 0);
  }
}
