import { constants } from "node:fs";
import { open, stat, type FileHandle } from "node:fs/promises";
import type { Exec } from "./exec.js";

/** `shared` may be held by many at a time, `exclusive` by one and nobody else. */
export type LockKind = "shared" | "exclusive";

/**
 * Takes a kernel lock (flock(2)) on a file, which is made if missing. It lives as long as the handle is open, and ends with
 * this process however that ends. Undefined when somebody else has it, or the file can't be opened.
 */
export async function tryLock(file: string, { exec }: { readonly exec: Exec }): Promise<FileHandle | undefined> {
  const handle = await open(file, constants.O_RDWR | constants.O_CREAT, 0o600).catch(() => undefined);
  return handle === undefined ? undefined : lockOrClose(handle, "exclusive", exec);
}

/** As `tryLock` for a file that is there. Undefined also when it was removed meanwhile: what another file of the name says is not locked. */
export async function tryLockExisting(
  file: string,
  kind: LockKind,
  { exec }: { readonly exec: Exec },
): Promise<FileHandle | undefined> {
  const handle = await open(file, constants.O_RDONLY | constants.O_NOFOLLOW).catch(() => undefined);
  const held = handle === undefined ? undefined : await lockOrClose(handle, kind, exec);
  if (held === undefined) return undefined;
  const [own, now] = await Promise.all([held.stat(), stat(file).catch(() => undefined)]);
  if (own.ino === now?.ino && own.dev === now.dev) return held;
  await held.close();
  return undefined;
}

/** As `tryLock`, and waits until nobody else has it. Rejects when `signal` aborts. */
export async function waitForLock(
  file: string,
  { exec, signal }: { readonly exec: Exec; readonly signal?: AbortSignal | undefined },
): Promise<FileHandle> {
  const handle = await open(file, constants.O_RDWR | constants.O_CREAT, 0o600);
  const { exitCode } = await exec("flock", ["--exclusive", "3"], {
    descriptors: [handle.fd],
    ...(signal === undefined ? {} : { signal }),
  });
  if (exitCode === 0) return handle;
  await handle.close();
  signal?.throwIfAborted();
  throw new Error(`flock ${file} exited with ${exitCode}`);
}

async function lockOrClose(handle: FileHandle, kind: LockKind, exec: Exec): Promise<FileHandle | undefined> {
  const { exitCode } = await exec("flock", ["-n", `--${kind}`, "3"], { descriptors: [handle.fd] });
  if (exitCode === 0) return handle;
  await handle.close();
  return undefined;
}
