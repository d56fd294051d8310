/** Builds that several end-to-end files look at are made once a test run, in a folder that goes with the run. */
import { mkdir, rm } from "node:fs/promises";

const folderOf = (pid: number): string => `/var/tmp/dibjs-e2e-${pid}`;

/** The run's folder: test files run in children of the process that vitest was started as. */
export const e2eFolder = folderOf(process.ppid);

/** vitest's globalSetup of the projects e2e and conformance. */
export async function setup(): Promise<() => Promise<void>> {
  await mkdir(folderOf(process.pid), { recursive: true });
  return () => rm(folderOf(process.pid), { recursive: true, force: true });
}
