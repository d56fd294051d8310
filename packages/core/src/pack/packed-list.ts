import { BuildError } from "../errors.js";
import type { Exec } from "../process/exec.js";

export interface PackTools {
  readonly exec: Exec;
  /** The whole environment of npm; PATH and HOME will do. */
  readonly env: Readonly<Record<string, string>>;
}

/** No network, no log files, nothing of the project's scripts. */
const quiet = { npm_config_offline: "true", npm_config_logs_max: "0", npm_config_update_notifier: "false" };

/** What npm would put into the package's tarball, as paths; undefined without npm. Throws PACK_LIST_FAILED. */
export async function listPacked(folder: string, { exec, env }: PackTools): Promise<ReadonlySet<string> | undefined> {
  // What npm tells its scripts is not for an npm of their own: prepack runs this inside of one.
  const own = Object.fromEntries(Object.entries(env).filter(([name]) => !/^npm_/i.test(name)));
  const args = ["pack", "--dry-run", "--json", "--ignore-scripts"];
  const { exitCode, stdout, stderr } = await exec("npm", args, { cwd: folder, env: { ...own, ...quiet } });
  if (exitCode === 127) return undefined;
  const [packed] = exitCode === 0 ? parseList(stdout) : [];
  if (packed === undefined) throw new BuildError("PACK_LIST_FAILED", { folder, reason: stderr.trim().slice(-2000) });
  return new Set(packed.files.map(({ path }) => path));
}

/** A list in npm 10 and 11, an object by package name in npm 12. */
function parseList(text: string): { readonly files: readonly { readonly path: string }[] }[] {
  try {
    return Object.values(JSON.parse(text) as object) as never;
  } catch {
    return []; // said by the caller, with what npm wrote
  }
}
