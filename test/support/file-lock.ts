import { mkdir, open } from "node:fs/promises";
import { dirname } from "node:path";
import { createExec, mustRun } from "@dibjs/core/process/exec.js";

const exec = createExec();

/** A kernel lock on a file, waited for; it goes with the process that holds it, however that ends. */
export async function lockFile(path: string): Promise<AsyncDisposable> {
  await mkdir(dirname(path), { recursive: true });
  const handle = await open(path, "a");
  await mustRun(exec, "flock", ["-x", "3"], { descriptors: [handle.fd] });
  return { [Symbol.asyncDispose]: () => handle.close() };
}

/** Says that this process uses a folder, until it ends. */
export async function keepFolder(path: string): Promise<void> {
  const handle = await open(path, "r");
  kept.push(handle);
  await mustRun(exec, "flock", ["-s", "3"], { descriptors: [handle.fd] });
}

/** Node closes a handle that nobody refers to. */
const kept: unknown[] = [];

/** Whether a process has said that it uses the folder. */
export async function isKept(path: string): Promise<boolean> {
  const handle = await open(path, "r");
  const { exitCode } = await exec("flock", ["-n", "-x", "3"], { descriptors: [handle.fd] });
  await handle.close();
  return exitCode !== 0;
}
