/** Undefined where it was removed while the shell still stands in it. */
export function currentFolder(): string | undefined {
  try {
    return process.cwd();
  } catch {
    return undefined; // ENOENT is all that getcwd(3) says here
  }
}
