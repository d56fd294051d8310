import { constants } from "node:fs";
import { open } from "node:fs/promises";

export interface OpenFolder extends AsyncDisposable {
  /** Leads to the folder from this process and those it starts, also when something is mounted over its name. */
  readonly path: string;
}

/** Holds a folder, and no mount that comes later. */
export async function openFolder(folder: string): Promise<OpenFolder> {
  const handle = await open(folder, constants.O_RDONLY | constants.O_DIRECTORY);
  return { path: `/proc/${process.pid}/fd/${handle.fd}`, [Symbol.asyncDispose]: () => handle.close() };
}
