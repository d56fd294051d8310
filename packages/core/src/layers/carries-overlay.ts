import { randomUUID } from "node:crypto";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import type { BuildContext } from "../context.js";
import { mustRun } from "../process/exec.js";

/**
 * Whether folders here can lie under an overlay: owners, whiteouts and what an overlay notes in attributes must stay. Tried with
 * an overlay that writes here: the kernel refuses one where a part of that is missing.
 */
export async function carriesOverlay(
  folder: string,
  { exec, emit }: Pick<BuildContext, "exec" | "emit">,
): Promise<boolean> {
  const probe = join(folder, `probe-${randomUUID()}`);
  await mkdir(probe);
  // A folder that takes the place of another is opaque, a file that is gone a whiteout: seen again when that is the lower one.
  const script = `set -eu; cd -- "$1"; mkdir -p l/d l/m u w v x m; touch l/d/f l/g
over() { mount -t overlay -o "lowerdir=$1,upperdir=$2,workdir=$3,redirect_dir=on" overlay m; }
trap 'umount m 2> /dev/null || true' EXIT
over l u w; rm -r m/d m/g; mkdir m/d; chown 1:1 m/d; umount m
over u:l v x; [ ! -e m/g ] && [ -z "$(ls m/d)" ] && [ "$(stat -c %u m/d)" = 1 ]`;
  const { exitCode, stderr } = await exec("bash", ["--norc", "-c", script, "probe", probe]);
  await mustRun(exec, "rm", ["-rf", "--one-file-system", "--", probe]);
  if (exitCode === 0) return true;
  const reason = stderr.trim().split("\n").at(0) ?? "";
  emit({ type: "note", level: "info", text: `Layers are packed: ${folder} can't carry an overlay (${reason}).` });
  return false;
}
