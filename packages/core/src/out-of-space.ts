import { BuildError, isBuildError, reasonOf } from "./errors.js";

/** What failed because a file system is full, as SPACE_EXHAUSTED; anything else as it is. `path` is told when the failure names none. */
export function outOfSpace(
  error: unknown,
  { path, doing }: { readonly path: string; readonly doing: string },
): unknown {
  const { code, path: failed } = error as NodeJS.ErrnoException;
  if (isBuildError(error) || !(code === "ENOSPC" || code === "EDQUOT" || saysNoSpace(reasonOf(error)))) return error;
  return new BuildError("SPACE_EXHAUSTED", { path: failed ?? path, doing }, { cause: error });
}

/** Of programs only their words come back. */
export const saysNoSpace = (reason: string): boolean => /No space left on device|Disk quota exceeded/i.test(reason);
