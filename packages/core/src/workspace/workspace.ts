import { randomBytes } from "node:crypto";
import { chown, mkdir, readFile, symlink } from "node:fs/promises";
import { join } from "node:path";
import type { BuildContext } from "../context.js";
import type { BuildPlaces, BuildPlan } from "../plan/plan.js";
import { Background } from "./background.js";
import { releaseDeadLoops } from "./dead-loops.js";
import { makeFolders, removeIfEmpty } from "./make-folders.js";
import { mountTmpfs } from "./mounts.js";
import { removeFolder } from "./remove-folder.js";
import { ResourceStack } from "./resource-stack.js";
import { targetFiles, type TargetFiles } from "./target.js";
import { TreeStack } from "./tree-stack.js";

/**
 * The scratch space of one build. Folders as DIB names them.
 */
export interface Workspace extends AsyncDisposable {
  readonly id: string;
  /** TMP_BUILD_DIR: hooks, mnt, built. */
  readonly buildDir: string;
  /** TMP_IMAGE_DIR: the raw image. */
  readonly imageDir: string;
  /** TMP_HOOKS_PATH: every hook script of every element. */
  readonly hooksDir: string;
  /** For what steps need while they run. It is in no layer: what is left elsewhere in buildDir ends what can be cached. */
  readonly scratchDir: string;
  /** _LIB: the shell functions and programs that elements source and run. */
  readonly libDir: string;
  /** TMP_MOUNT_PATH: where the target root is mounted, in tree phases the tree, in disk phases the disk. */
  readonly mountDir: string;
  /** Where the finished tree is parked while the disk is mounted at mountDir. */
  readonly builtDir: string;
  readonly isTmpfs: boolean;
  /** Newest first; released at the end of the build whatever happens. */
  readonly resources: ResourceStack;
  /** What goes on beside the build. It is waited for before the workspace goes, and before the caches are out of reach. */
  readonly background: Background;
  readonly target: TargetFiles;
  /** What the tree consists of. */
  readonly tree: TreeStack;
  /** Moves the tree from mountDir to builtDir. Nothing may be mounted below it. */
  parkTree(): Promise<void>;
}

/** What `mount` and `unmount` taps get. Mounts made through it are undone in reverse. */
export interface MountSet {
  readonly target: TargetFiles;
  /** `on` is a path inside the target and is made if missing. */
  mount(mount: { what: string; on: string; type?: string; options?: string }): Promise<void>;
  bind(source: string, on: string, options?: { readOnly?: boolean }): Promise<void>;
}

/** Collects what a phase's result depends on besides the build's own inputs. Values are text; order does not matter. */
export interface Fingerprint {
  readonly phase: string;
  readonly env: Readonly<Record<string, string>>;
  add(key: string, value: string): void;
}

/** The name of a build on this host: in its folders, and in the journal. */
export const newBuildId = (): string => randomBytes(6).toString("base64url").replace(/[-_]/g, "x");

/** The two work folders of a build. */
export const workFolders = (id: string, { tmpDir }: Pick<BuildPlaces, "tmpDir">) => ({
  buildDir: join(tmpDir, `dib_build.${id}`),
  imageDir: join(tmpDir, `dib_image.${id}`),
});

/** Makes the two work folders (on tmpfs when memory allows and they are not kept, since it ends with the namespace), and the empty tree. */
export async function openWorkspace(
  id: string,
  plan: BuildPlan,
  places: BuildPlaces,
  ctx: BuildContext,
): Promise<Workspace> {
  await using stack = new ResourceStack();
  const { buildDir, imageDir } = workFolders(id, places);
  const { keep, useTmpfs } = plan.settings;
  const tmpfs = useTmpfs && !keep ? await checkTmpfs(plan.settings.minTmpfsGiB) : { fits: false, note: undefined };
  for (const made of await makeFolders(places.tmpDir, places.caller))
    stack.defer(`folder ${made}`, () => removeIfEmpty(made));
  for (const folder of [buildDir, imageDir]) {
    await mkdir(folder, { mode: 0o700 });
    stack.defer(`folder ${folder}`, async () =>
      keep ? ctx.emit({ type: "note", level: "info", text: `Kept ${folder}.` }) : removeFolder(folder, ctx),
    );
    if (tmpfs.fits) await mountTmpfs(folder, "mode=0755", stack, ctx);
    await chown(folder, places.caller.uid, places.caller.gid);
    stack.defer(`loop devices that scripts left on ${folder}`, async () => void (await releaseDeadLoops(folder, ctx)));
  }
  ctx.emit({
    type: "workspace",
    buildDir,
    imageDir,
    tmpfs: tmpfs.fits,
    ...(tmpfs.note === undefined ? {} : { note: tmpfs.note }),
  });

  const mountDir = join(buildDir, "mnt");
  const builtDir = join(buildDir, "built");
  const hooksDir = join(buildDir, "hooks");
  const scratchDir = join(buildDir, "scratch");
  for (const folder of [mountDir, builtDir, hooksDir, scratchDir]) await mkdir(folder, { mode: 0o755 });
  const libDir = join(buildDir, "lib");
  await symlink(places.libDir, libDir); // elements leave $_LIB unquoted, and a project may lie at a path with a space
  const resources = stack.move();
  const background = new Background();
  resources.defer("work beside the build", () => background.settle());
  const tree = new TreeStack(buildDir, mountDir, resources, ctx);
  const target = targetFiles(mountDir);
  const dispose = () => resources[Symbol.asyncDispose]();
  return {
    id,
    buildDir,
    imageDir,
    hooksDir,
    scratchDir,
    libDir,
    mountDir,
    builtDir,
    isTmpfs: tmpfs.fits,
    resources,
    background,
    target,
    tree,
    parkTree: () => tree.moveTo(builtDir),
    [Symbol.asyncDispose]: dispose,
  };
}

/** DIB's rule on total memory (at least twice `minGiB`), and beyond it: what is free now, under the cgroup's limit. */
export async function checkTmpfs(
  minGiB: number,
  read = (file: string) => readFile(file, "utf8"),
): Promise<{ fits: boolean; note: string | undefined }> {
  const info = await read("/proc/meminfo").catch(() => "");
  const gib = (key: string) => Number(new RegExp(`^${key}:\\s+(\\d+)`, "m").exec(info)?.[1] ?? 0) / 2 ** 20;
  const limit =
    Math.min(
      ...(
        await Promise.all(cgroupLimits.map(async (file) => Number((await read(file).catch(() => "max")).trim())))
      ).filter((bytes) => bytes > 0),
    ) /
    2 ** 30;
  const needed = minGiB * 2;
  const total = Math.min(gib("MemTotal"), limit);
  const free = Math.min(gib("MemAvailable"), limit);
  if (total >= needed && free >= needed) return { fits: true, note: undefined };
  return {
    fits: false,
    note: `not enough memory for tmpfs: ${free.toFixed(1)} of ${total.toFixed(1)} GiB free, ${needed} GiB wanted`,
  };
}

const cgroupLimits = ["/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"];
