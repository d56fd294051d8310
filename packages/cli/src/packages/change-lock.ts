import { mkdir, open, stat, type FileHandle } from "node:fs/promises";
import { dirname } from "node:path";
import { BuildError, type Exec } from "@dibjs/core";

/**
 * Makes the folder and takes a kernel lock on it, which goes with dib however that ends. The holder may remove the
 * folder. Throws PROJECT_BUSY and HOST_TOOL_MISSING.
 */
export async function lockFolder(folder: string, exec: Exec): Promise<FileHandle> {
  for (;;) {
    await mkdir(folder, { recursive: true });
    const handle = await open(folder, "r").catch((error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT") return undefined; // its holder has just removed it
      throw error;
    });
    if (handle === undefined) continue;
    const { exitCode, stderr } = await exec("flock", ["-n", "-x", "3"], { descriptors: [handle.fd] });
    if (exitCode === 0 && (await isAt(folder, handle))) return handle;
    await handle.close();
    if (exitCode === 1) throw new BuildError("PROJECT_BUSY", { folder: dirname(folder) });
    if (exitCode === 127) throw withoutFlock();
    if (exitCode !== 0) throw new Error(`${folder} could not be locked: ${stderr}`);
  }
}

async function isAt(folder: string, handle: FileHandle): Promise<boolean> {
  const [held, there] = await Promise.all([handle.stat(), stat(folder).catch(() => undefined)]);
  return held.ino === there?.ino && held.dev === there.dev;
}

const withoutFlock = () =>
  new BuildError("HOST_TOOL_MISSING", {
    tools: [
      {
        ...{ tool: "flock", neededFor: "changing packages" },
        ...{ debian: "util-linux", fedora: "util-linux", opensuse: "util-linux" },
      },
    ],
  });
