import { createHash } from "node:crypto";
import { constants } from "node:fs";
import { mkdir, mkdtemp, open, realpath, rmdir, type FileHandle } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import type { BuildContext } from "../context.js";
import { BuildError, reasonOf } from "../errors.js";
import type { BuildPlaces } from "../plan/plan.js";
import { makeFolders, removeIfEmpty } from "../workspace/make-folders.js";
import { ResourceStack } from "../workspace/resource-stack.js";

const lockDir = "/run/lock";

/**
 * Keeps other builds from the same output for as long as this process lives: a kernel lock on a file outside the
 * output folder, so that nothing is left there. A missing folder is made, the caller's, and goes again unless something
 * was put into it. Throws OUTPUT_UNWRITABLE and OUTPUT_BUSY.
 */
export async function lockOutput(
  { output, caller }: Pick<BuildPlaces, "output" | "caller">,
  { exec }: Pick<BuildContext, "exec">,
): Promise<AsyncDisposable> {
  await using held = new ResourceStack();
  const folder = await openFolder(output, caller, held);
  const key = createHash("sha256")
    .update(join(folder, basename(output)))
    .digest("hex")
    .slice(0, 24);
  const handle = await openLock(join(lockDir, `dib-output-${key}.lock`), output);
  held.defer("the lock of the output", () => handle.close());
  const { exitCode } = await exec("flock", ["-n", "-x", "3"], { descriptors: [handle.fd] });
  if (exitCode !== 0) throw new BuildError("OUTPUT_BUSY", { path: output });
  return held.move();
}

/** The real path of the output's folder, which must be writable. */
async function openFolder(output: string, caller: BuildPlaces["caller"], held: ResourceStack): Promise<string> {
  const folder = dirname(output);
  try {
    for (const made of await makeFolders(folder, caller)) held.defer(`the folder ${made}`, () => removeIfEmpty(made));
    await rmdir(await mkdtemp(join(folder, ".dib-probe-"))); // permission bits say nothing to root, nor of read-only places
    return await realpath(folder);
  } catch (cause) {
    throw new BuildError("OUTPUT_UNWRITABLE", { path: output, reason: reasonOf(cause) }, { cause });
  }
}

/** Another user's lock file can be read, and a lock needs no more; /run/lock is sticky and would refuse O_CREAT on it. */
async function openLock(file: string, output: string): Promise<FileHandle> {
  await mkdir(lockDir, { recursive: true }).catch(() => undefined); // opening the lock says why it can't be
  const flags = [
    constants.O_RDONLY | constants.O_NOFOLLOW,
    constants.O_RDONLY | constants.O_CREAT | constants.O_NOFOLLOW,
  ];
  let failure: unknown;
  for (const flag of flags) {
    try {
      return await open(file, flag, 0o644);
    } catch (error) {
      failure = error;
    }
  }
  throw new BuildError("OUTPUT_UNWRITABLE", { path: output, reason: reasonOf(failure) }, { cause: failure });
}
