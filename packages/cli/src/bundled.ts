import { realpath } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { bundledNames } from "./version.js";

const packageDir = fileURLToPath(new URL("..", import.meta.url));

/** Absolute folders of the element packages that came with this CLI, wherever the package manager put them. */
export async function bundledElements(): Promise<readonly string[]> {
  const found = await Promise.all(bundledNames.map(findPackage));
  return found.filter((folder) => folder !== undefined);
}

async function findPackage(name: string): Promise<string | undefined> {
  for (let at = packageDir; ; at = dirname(at)) {
    const folder = await realpath(join(at, "node_modules", name)).catch(() => undefined);
    if (folder !== undefined || at === dirname(at)) return folder;
  }
}
