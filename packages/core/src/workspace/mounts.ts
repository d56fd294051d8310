import { mkdir, readFile, realpath } from "node:fs/promises";
import { BuildError } from "../errors.js";
import type { BuildContext } from "../context.js";
import type { ResourceStack } from "./resource-stack.js";

/** What mounting needs of the context; no signal: a release never takes one. */
type MountContext = Pick<BuildContext, "exec" | "emit">;

/** A mount to be made in the worker's own mount namespace. */
export interface MountRequest {
  readonly what: string;
  /** Absolute; must exist and hold no link that an element could have planted. */
  readonly target: string;
  readonly type?: string | undefined;
  readonly options?: string | undefined;
  /** `what` is an entry of /proc/PID/fd, which the kernel is to follow and not mount(8). */
  readonly isMagicLink?: boolean;
}

/** Mounts, and puts the release on the stack. Returns what unmounts it early. Throws MOUNT_FAILED. */
export async function mount(
  request: MountRequest,
  stack: ResourceStack,
  ctx: MountContext,
): Promise<() => Promise<void>> {
  await mountUnheld(request, ctx);
  const { what, target } = request;
  const release = stack.defer(`mount ${target}`, () => unmount(target, ctx));
  ctx.emit({ type: "mount", what, target });
  return release;
}

/** Mounts; whoever calls it notes in the next statement that it has to be undone. Throws MOUNT_FAILED. */
export async function mountUnheld(request: MountRequest, ctx: Pick<MountContext, "exec">): Promise<void> {
  const { what, target, type, options, isMagicLink = false } = request;
  const args = [
    ...(isMagicLink ? ["--no-canonicalize"] : []),
    ...(type === undefined ? [] : ["-t", type]),
    ...(options === undefined ? [] : ["-o", options]),
    "--",
    what,
    target,
  ];
  await runMount(args, request, ctx);
}

async function runMount(
  args: readonly string[],
  { what, target }: MountRequest,
  ctx: Pick<MountContext, "exec">,
): Promise<void> {
  const { exitCode, stderr } = await ctx.exec("mount", args);
  if (exitCode !== 0) throw new BuildError("MOUNT_FAILED", { what, target, reason: stderr.trim() });
}

/** Comma, colon and backslash separate overlayfs options. */
export const escapeOption = (path: string): string => path.replace(/[\\:,]/g, "\\$&");

/** Bind-mounts; `readOnly` takes a second call, as the kernel ignores it on the first. */
export async function bind(
  source: string,
  target: string,
  stack: ResourceStack,
  ctx: MountContext,
  readOnly = false,
): Promise<() => Promise<void>> {
  const release = await mount({ what: source, target, options: "bind" }, stack, ctx);
  if (readOnly) await runMount(["-o", "remount,bind,ro", "--", target], { what: source, target }, ctx);
  return release;
}

export async function mountTmpfs(
  target: string,
  options: string,
  stack: ResourceStack,
  ctx: MountContext,
): Promise<void> {
  await mkdir(target, { recursive: true });
  await mount({ what: "tmpfs", target, type: "tmpfs", options }, stack, ctx);
}

const attempts = 20;

/** Unmounts what is mounted, with patience for a moment of EBUSY; never lazily, since a lazy unmount hides what still writes. */
export async function unmount(target: string, ctx: MountContext): Promise<void> {
  const place = await realpath(target).catch(() => target); // as the mount table has it
  if (!(await readMounts()).some((mounted) => mounted.target === place)) return;
  for (let attempt = 1; ; attempt++) {
    const { exitCode, stderr } = await ctx.exec("umount", ["--", target]);
    if (exitCode === 0) break;
    if (/not mounted|no mount point/.test(stderr)) return;
    if (attempt === attempts) throw new Error(`umount ${target}: ${stderr.trim()}`);
    await new Promise((resolve) => setTimeout(resolve, 50 * attempt));
  }
  ctx.emit({ type: "unmount", what: "", target });
}

/** Unmounts all that lies strictly below a folder, newest first, but for what is to stay: what scripts mounted and left. */
export async function unmountBelow(
  folder: string,
  ctx: MountContext,
  stays: ReadonlySet<string> = new Set(),
): Promise<void> {
  const targets = (await mountsBelow(folder)).reverse().filter((target) => !stays.has(target));
  if (targets.length === 0) return;
  const { exitCode } = await ctx.exec("umount", ["--", ...targets]); // one process, where none is busy
  if (exitCode === 0) for (const target of targets) ctx.emit({ type: "unmount", what: "", target });
  else for (const target of targets) await unmount(target, ctx);
}

/** Mount points strictly below a folder, oldest first. */
const mountsBelow = async (folder: string): Promise<string[]> =>
  (await readMounts()).map(({ target }) => target).filter((target) => target.startsWith(`${folder}/`));

/** What is mounted at a folder itself, the uppermost last. */
export const devicesMountedAt = async (folder: string): Promise<string[]> =>
  (await readMounts()).filter(({ target }) => target === folder).map(({ what }) => what);

/** A line of the mount table (proc(5), mountinfo). */
export interface Mounted {
  readonly what: string;
  readonly target: string;
  readonly type: string;
  /** `8:1`, of the file system. */
  readonly device: string;
  /** Which folder of the file system is seen at `target`. */
  readonly root: string;
  /** Of the mount, such as `ro`. */
  readonly options: readonly string[];
  /** Of the file system. */
  readonly superOptions: readonly string[];
}

/** This process' mount table, oldest first. */
export async function readMounts(): Promise<Mounted[]> {
  const lines = (await readFile("/proc/self/mountinfo", "utf8")).split("\n").filter(Boolean);
  return lines.map((line) => {
    const [mount = "", fileSystem = ""] = line.split(" - ");
    const [, , device = "", root = "", target = "", options = ""] = mount.split(" ");
    const [type = "", what = "", superOptions = ""] = fileSystem.split(" ");
    return {
      ...{ type, device },
      what: decodeMountPath(what),
      root: decodeMountPath(root),
      target: decodeMountPath(target),
      options: options.split(","),
      superOptions: superOptions.split(","),
    };
  });
}

/** mountinfo writes space, tab, newline and backslash as octal (proc(5)). */
const decodeMountPath = (text: string): string =>
  text.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(parseInt(octal, 8)));
