import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { cacheFolder } from "./cache-folder.js";

const folder = join(cacheFolder, "host-programs");

/** One line for a script of the root phase that puts programs of the host, by their names, into /bin of the image, and their libraries where they are. */
export const copyPrograms = (names: string): string => `tar -xpf '${archiveOf(names)}' -C "$TARGET_ROOT"`;

/** Made once per state of the host's packages: hundreds of builds need it, and ldd takes longer than all of a toy's phases. */
function archiveOf(names: string): string {
  const state = `${names} ${String(statSync("/var/lib/dpkg/status").mtimeMs)}`;
  const archive = join(folder, `${createHash("sha256").update(state).digest("hex").slice(0, 16)}.tar`);
  if (existsSync(archive)) return archive;
  mkdirSync(folder, { recursive: true });
  const root = mkdtempSync(join(folder, "new-"));
  try {
    execFileSync("bash", ["-euo", "pipefail", "-c", collect, "collect", root, ...names.split(" ")]);
    execFileSync("tar", ["-cf", `${root}.tar`, "-C", root, ...readdirSync(root)]);
  } finally {
    rmSync(root, { recursive: true });
  }
  renameSync(`${root}.tar`, archive); // another process may have been faster: theirs is the same
  return archive;
}

const collect = `root=$1; shift
paths=$(type -P "$@")
mkdir "$root/bin"
cp -L $paths "$root/bin"
# ldd fails for what is not dynamic
libraries=$({ ldd $paths || true; } | sed -nE 's#^\\t(.* )?(/[^ ]*) .*#\\2#p' | sort -u)
cp -L --parents $libraries "$root"
`;
