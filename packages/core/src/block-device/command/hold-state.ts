import { constants } from "node:fs";
import { open } from "node:fs/promises";
import { BuildError } from "../../errors.js";
import type { BuildContext } from "../../context.js";

const lockSeconds = "60";

/** One command at a time: each reads what is borrowed, changes it and writes it down again. Throws BLOCK_DEVICE_BUSY. */
export async function holdState(
  stateDir: string,
  { exec, signal }: Pick<BuildContext, "exec" | "signal">,
): Promise<AsyncDisposable> {
  const folder = await open(stateDir, constants.O_RDONLY | constants.O_DIRECTORY);
  const args = ["-w", lockSeconds, "-x", "3"];
  const { exitCode, stderr } = await exec("flock", args, { descriptors: [folder.fd], signal });
  if (exitCode === 0) return folder;
  await folder.close();
  signal.throwIfAborted();
  throw new BuildError("BLOCK_DEVICE_BUSY", { stateDir, reason: stderr.trim() });
}
