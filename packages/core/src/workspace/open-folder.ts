import { constants } from "node:fs";
import { open } from "node:fs/promises";

/** A folder that is held, and no mount that comes to lie over its name. */
export interface OpenFolder extends AsyncDisposable {
  /** Leads to it from this process and those it starts, whatever its name leads to. */
  readonly path: string;
  /** It was removed meanwhile. */
  isGone(): Promise<boolean>;
}

/** Rejects with what the kernel says, also of a link. */
export async function openFolder(folder: string): Promise<OpenFolder> {
  const handle = await open(folder, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW);
  return {
    path: `/proc/${process.pid}/fd/${handle.fd}`,
    isGone: async () => (await handle.stat()).nlink === 0,
    [Symbol.asyncDispose]: () => handle.close(),
  };
}
