/** Our own packages, as the world gets them. */
import { readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { root } from "../house/source.js";
import type { Registry } from "./registry.js";

export const elementPackages = readdirSync(join(root, "packages")).filter((name) => name.startsWith("element-"));
export const folderOf = (name: string): string => join(root, "packages", name);

/** All of them. With pnpm, whoever installs them: it writes versions where the workspace has `workspace:` and `catalog:`. */
export async function publishFirstParty(registry: Registry): Promise<void> {
  try {
    await registry.run("pnpm", ["--recursive", "publish", "--no-git-checks", "--access", "public"], root);
  } finally {
    removeManifests();
  }
}

/** What `dib pack` leaves in the clone. */
export function removeManifests(): void {
  for (const name of elementPackages)
    for (const file of ["dib-manifest.json", "dib-manifest.files"])
      rmSync(join(folderOf(name), file), { force: true, recursive: true });
}
