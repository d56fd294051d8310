import { mkdir, open } from "node:fs/promises";
import { dirname } from "node:path";
import { createExec, mustRun } from "@dibjs/core/process/exec.js";

/** A kernel lock on a file, waited for; it goes with the process that holds it, however that ends. */
export async function lockFile(path: string): Promise<AsyncDisposable> {
  await mkdir(dirname(path), { recursive: true });
  const handle = await open(path, "a");
  await mustRun(createExec(), "flock", ["-x", "3"], { descriptors: [handle.fd] });
  return { [Symbol.asyncDispose]: () => handle.close() };
}
