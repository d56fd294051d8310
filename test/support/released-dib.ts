import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { createExec, defaultEnv, mustRun, type ExecResult } from "@dibjs/core/process/exec.js";
import { fileURLToPath } from "node:url";
import { cacheFolder } from "./cache-folder.js";
import { lockFile } from "./file-lock.js";

const exec = createExec();
const kept = join(cacheFolder, "released-dib");
const pythonPath = join(kept, "usr/lib/python3/dist-packages");
const standIns = fileURLToPath(new URL("stand-ins", import.meta.url));

/** The diskimage-builder that the host's distribution has; taken out of its package, not installed. */
export interface ReleasedDib {
  /** Its folder of elements. */
  readonly elements: string;
  /** Its folder of shell code and helpers: what scripts know as _LIB. */
  readonly lib: string;
  /** Its commands. */
  readonly bin: string;
}

export async function releasedDib(): Promise<ReleasedDib> {
  await using _lock = await lockFile(`${kept}.lock`);
  if (!existsSync(kept)) await fetchPackage();
  const code = join(pythonPath, "diskimage_builder");
  return { elements: join(code, "elements"), lib: join(code, "lib"), bin: join(kept, "usr/bin") };
}

/** The folder of its Python, with what Debian notes of the package. */
export async function pythonPathOfReleased(): Promise<string> {
  await releasedDib();
  return pythonPath;
}

export const releasedElements = async (): Promise<string> => (await releasedDib()).elements;

export interface PeerOptions {
  readonly cwd?: string;
  /** Beside PATH and what its Python needs. */
  readonly env?: Readonly<Record<string, string>>;
  readonly input?: string;
}

/**
 * sudo looks for programs in places of its own, and hands no PYTHONPATH on: the stand-ins take the programs' places, and for
 * scripts below sudo the modules lie over the system's, as if they were installed. PYTHONPATH still goes first: by it DIB
 * finds its elements where our side has them.
 */
const inNamespaces = `set -eu
standIns=$1; modules=$2; shift 2
mount -t overlay -o "lowerdir=$modules:/usr/lib/python3/dist-packages" overlay /usr/lib/python3/dist-packages
mkdir -p /dev/mapper
mount -t tmpfs tmpfs /dev/mapper
for program in kpartx dmsetup; do mount --bind "$standIns/$program" "$(command -v "$program")"; done
exec "$@"`;

/**
 * Runs a program of it, or Python with its modules, as root in mount and process namespaces of its own: what it mounts and
 * starts goes with it. kpartx and dmsetup are stand-ins, which need no device mapper.
 */
export async function runReleased(command: readonly string[], options: PeerOptions = {}): Promise<ExecResult> {
  await releasedDib();
  const namespaces = "--mount --pid --fork --kill-child --mount-proc --propagation slave".split(" ");
  return exec("unshare", [...namespaces, "sh", "-c", inNamespaces, "sh", standIns, pythonPath, ...command], {
    cwd: options.cwd ?? "/",
    env: { ...defaultEnv, PYTHONPATH: pythonPath, PYTHONDONTWRITEBYTECODE: "1", HOME: "/root", ...options.env },
    ...(options.input === undefined ? {} : { input: options.input }),
  });
}

async function fetchPackage(): Promise<void> {
  const folder = mkdtempSync(`${kept}.`);
  try {
    await mustRun(exec, "apt-get", ["-q", "download", "python3-diskimage-builder"], { cwd: folder });
    const [deb = ""] = readdirSync(folder).filter((name) => name.endsWith(".deb"));
    mkdirSync(join(folder, "tree"));
    await mustRun(exec, "dpkg-deb", ["-x", join(folder, deb), join(folder, "tree")]);
    renameSync(join(folder, "tree"), kept);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
