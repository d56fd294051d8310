import { BuildError, isBuildError, outOfSpace, reasonOf } from "@dibjs/core";

/** What the file system refused in a project's folder, as PROJECT_UNWRITABLE or SPACE_EXHAUSTED. */
export function projectFailure(cause: unknown, folder: string): BuildError {
  const full = outOfSpace(cause, { path: folder, doing: "changing the packages" });
  if (isBuildError(full)) return full;
  return new BuildError("PROJECT_UNWRITABLE", { folder, reason: reasonOf(cause) }, { cause });
}

/** Does what writes to a project's folder. Throws PROJECT_UNWRITABLE and SPACE_EXHAUSTED. */
export async function writeInProject<T>(folder: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const isOfFileSystem = (error as NodeJS.ErrnoException).syscall !== undefined;
    throw isOfFileSystem ? projectFailure(error, folder) : error;
  }
}
