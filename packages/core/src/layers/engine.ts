import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { canonicalJson, sha256 } from "../plan/digest.js";
import type { BuildPlaces } from "../plan/plan.js";

/** Of what of the engine scripts run or source: its version, the files of _LIB, and the programs that it puts before those of the target. */
export function digestEngine({ libDir }: Pick<BuildPlaces, "libDir">): string {
  const { version } = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")) as {
    version: string;
  };
  const folders = [libDir, fileURLToPath(new URL("../../libexec/inside", import.meta.url))];
  const entries = folders.flatMap((folder) => readdirSync(folder, { recursive: true, withFileTypes: true }));
  const files = entries.filter((entry) => entry.isFile());
  const states = files.map(({ parentPath, name }) => `${name} ${sha256(readFileSync(join(parentPath, name)))}`).sort();
  return sha256(canonicalJson({ version, states }));
}
