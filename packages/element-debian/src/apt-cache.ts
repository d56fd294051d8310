/**
 * Downloaded packages are kept between builds in $DIB_IMAGE_CACHE/apt/DISTRO/RELEASE. A build sees them through an overlay:
 * what it downloads lands in its own upper folder and is added to the cache, whole, when the target is left. So builds in
 * parallel need no lock, apt's own lock file is each build's own, and an `apt-get clean` in the target empties nothing.
 */
import { randomUUID } from "node:crypto";
import { chown, copyFile, link, mkdir, mkdtemp, readdir, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import type { ElementApi, Env, MountSet, PhaseRun, Workspace } from "@dibjs/core";

const archives = "/var/cache/apt/archives";

export function setUpAptCache({ hooks, addScript }: ElementApi): void {
  let cache: AptCache | undefined;
  let workspace: Workspace | undefined;
  hooks.workspace.tap((opened) => {
    workspace = opened;
  });
  hooks.environment.tap((env, { phase }) => {
    if (phase === "root" && workspace !== undefined) cache = cacheFor(env, workspace);
    return env;
  });
  // Before the bootstrap (08). The base's mounts, of which this is one from then on, are made after the phase.
  let unmountRoot: (() => Promise<void>) | undefined;
  addScript("root", "07-shared-apt-cache", async (run) => {
    unmountRoot = cache === undefined ? undefined : await mountInRoot(cache, run, saveNow);
  });
  hooks.afterPhase.for("root").tapPromise(async () => unmountRoot?.());
  hooks.mount.tapPromise(async (set) => {
    if (cache !== undefined) await mountInBase(cache, set);
  });
  // After each phase that installs, since a later script may empty the archives. The build goes on meanwhile.
  let saved = Promise.resolve();
  const taken = new Set<string>();
  const saveNow = async () => {
    if (cache === undefined) return;
    const downloaded = await setAside(cache, taken);
    const { folder, owner } = cache;
    const before = saved;
    saved = before.then(() => save(downloaded, { folder, owner }));
    workspace?.background.add(saved);
  };
  for (const phase of ["pre-install", "install", "post-install"] as const)
    hooks.afterPhase.for(phase).tapPromise(saveNow);
  hooks.unmount.tapPromise(saveNow);
}

interface AptCache {
  /** Shared by builds; only ever gets whole files. */
  readonly folder: string;
  /** The cache of the caller; new files get its owner. */
  readonly owner: string;
  /** In this build's scratch space. */
  readonly scratch: string;
}

function cacheFor(env: Env, { scratchDir }: Workspace): AptCache | undefined {
  const {
    DIB_APT_LOCAL_CACHE: isWanted = "1",
    DIB_IMAGE_CACHE: owner = "",
    DISTRO_NAME: distro = "",
    DIB_RELEASE: release = "",
  } = env;
  if (isWanted === "0" || owner === "" || distro === "" || release === "") return undefined;
  return { owner, folder: join(owner, "apt", distro, release), scratch: join(scratchDir, "apt-cache") };
}

/** Undefined where the file system of the scratch space cannot carry an overlay: packages are downloaded, then. */
async function mountInRoot(
  cache: AptCache,
  { target, workspace, exec, log }: PhaseRun,
  saveNow: () => Promise<void>,
): Promise<(() => Promise<void>) | undefined> {
  await target.makeFolder(archives);
  const on = join(target.path, archives);
  const { exitCode, stderr } = await exec("mount", ["-t", "overlay", "-o", await overlayOptions(cache), "overlay", on]);
  if (exitCode !== 0) {
    log(`the package cache is not used: ${stderr.trim()}`);
    return undefined;
  }
  return workspace.resources.defer(`mount ${on}`, async () => {
    const unmounted = await exec("umount", [on]);
    if (unmounted.exitCode !== 0) throw new Error(`umount ${on}: ${unmounted.stderr.trim()}`);
    await saveNow();
  });
}

async function mountInBase(cache: AptCache, set: MountSet): Promise<void> {
  // A target without apt gets no folder for it.
  if (!(await set.target.exists("/var/cache/apt"))) return;
  try {
    await set.mount({ what: "overlay", on: archives, type: "overlay", options: await overlayOptions(cache) });
  } catch {
    // As in the root phase, where the log says why.
  }
}

async function overlayOptions({ folder, scratch }: AptCache): Promise<string> {
  const upper = join(scratch, "upper");
  await mkdir(folder, { recursive: true });
  await mkdir(upper, { recursive: true });
  // A volatile overlay refuses a work folder that was used before.
  const work = await mkdtemp(join(scratch, "work-"));
  const [lowerdir, upperdir, workdir] = [folder, upper, work].map((path) => path.replace(/[\\:,]/g, "\\$&"));
  return `lowerdir=${lowerdir},upperdir=${upperdir},workdir=${workdir},volatile`;
}

/** Links to what this build has downloaded and the cache has not: whatever scripts do to the archives, they stay. */
async function setAside({ folder, scratch }: AptCache, taken: Set<string>): Promise<string> {
  const upper = join(scratch, "upper");
  const aside = await mkdtemp(join(scratch, "aside-"));
  for (const name of await readdir(folder)) taken.add(name);
  for (const name of (await readdir(upper)).filter((name) => name.endsWith(".deb") && !taken.has(name))) {
    if (!(await stat(join(upper, name))).isFile()) continue; // removed in the target: a whiteout
    await link(join(upper, name), join(aside, name));
    taken.add(name);
  }
  return aside;
}

/** Adds packages to the cache. A name is there only when the file is whole. */
async function save(aside: string, { folder, owner }: Pick<AptCache, "folder" | "owner">): Promise<void> {
  const { uid, gid } = await stat(owner);
  for (const name of await readdir(aside)) {
    const partial = join(folder, `.${name}.${randomUUID()}`);
    await copyFile(join(aside, name), partial);
    await chown(partial, uid, gid);
    await rename(partial, join(folder, name));
  }
  await rm(aside, { recursive: true });
  for (const made of [folder, join(folder, ".."), join(folder, "../..")]) await chown(made, uid, gid);
}
