import { lstat } from "node:fs/promises";
import type { BuildContext } from "../context.js";
import { defaultEnv, mustRun } from "../process/exec.js";
import type { ResolvConf } from "../workspace/resolv-conf.js";
import { resolveInRoot } from "../workspace/target.js";

/**
 * DIB's last touches: resolv.conf as the image will have it, no /tmp content, empty logs, no /root/*.log. Only once the
 * base is left: a folder of the host that an element bound into the image must not be emptied with it.
 */
export async function finaliseBase(root: string, resolvConf: ResolvConf, ctx: BuildContext): Promise<void> {
  await resolvConf.finalise();
  await find(root, "/tmp", ["-mindepth", "1", "-delete"], ctx);
  await find(root, "/var/log", ["-type", "f", "-exec", "truncate", "-s", "0", "--", "{}", "+"], ctx);
  await find(root, "/root", ["-mindepth", "1", "-maxdepth", "1", "-name", "*.log", "-delete"], ctx);
}

/** Names are bytes, and in a UTF-8 locale `*` does not match those that are not UTF-8. Links are not followed. */
async function find(root: string, folder: string, what: readonly string[], { exec }: BuildContext): Promise<void> {
  const path = await resolveInRoot(root, folder);
  const isFolder = (await lstat(path).catch(() => undefined))?.isDirectory() === true;
  if (isFolder) await mustRun(exec, "find", [path, ...what], { env: { ...defaultEnv, LC_ALL: "C" } });
}
