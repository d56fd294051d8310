/**
 * The target root as the host side may touch it. Every path is walked component by component, links resolved as a
 * chroot would resolve them, so that a link planted by an element never leads to a file of the host. The walk is free
 * of races because nothing of the image is alive while the host side works on the tree (design: isolation).
 */
import { constants } from "node:fs";
import { appendFile, chmod, chown, lstat, mkdir, open, readdir, readlink, rm, symlink } from "node:fs/promises";
import { dirname, join } from "node:path";
import { BuildError } from "../errors.js";
import type { Target } from "../phases/phase-run.js";

const maxLinks = 40; // as the kernel's ELOOP limit
const maxReadBytes = 16 * 2 ** 20;

/** Everything of `Target` but `run`, which needs a phase. */
export type TargetFiles = Omit<Target, "run">;

export function targetFiles(root: string): TargetFiles {
  const at = (path: string) => resolveInRoot(root, path);
  return {
    path: root,
    resolve: at,
    async read(path) {
      const file = await at(path);
      const stat = await lstatOrUndefined(file);
      if (stat === undefined) return undefined;
      refuseUnlessFile(path, file, stat.isFile());
      const handle = await open(file, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
      try {
        const { bytesRead, buffer } = await handle.read(Buffer.alloc(Math.min(stat.size, maxReadBytes)), 0);
        return buffer.toString("utf8", 0, bytesRead);
      } finally {
        await handle.close();
      }
    },
    async write(path, content, { mode = 0o644, uid = 0, gid = 0 } = {}) {
      const file = await at(path);
      const stat = await lstatOrUndefined(file);
      if (stat !== undefined) refuseUnlessFile(path, file, stat.isFile());
      await mkdirIn(root, dirname(path));
      const handle = await open(
        file,
        constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC | constants.O_NOFOLLOW,
        mode,
      );
      try {
        await handle.writeFile(content);
        await handle.chown(uid, gid);
        await handle.chmod(mode);
      } finally {
        await handle.close();
      }
    },
    async append(path, content) {
      const file = await at(path);
      const stat = await lstatOrUndefined(file);
      if (stat !== undefined) refuseUnlessFile(path, file, stat.isFile());
      await mkdirIn(root, dirname(path));
      await appendFile(file, content);
    },
    async link(path, linkTarget) {
      await mkdirIn(root, dirname(path));
      const file = join(await at(dirname(path)), lastOf(path));
      await rm(file, { force: true });
      await symlink(linkTarget, file);
    },
    async makeFolder(path, mode = 0o755) {
      const isNew = (await lstatOrUndefined(await at(path))) === undefined;
      await mkdirIn(root, path);
      if (isNew) await chmod(await at(path), mode);
    },
    async remove(path) {
      // The last component is removed itself, never what it points to.
      await rm(join(await at(dirname(path)), lastOf(path)), { recursive: true, force: true });
    },
    async exists(path) {
      return (await lstatOrUndefined(join(await at(dirname(path)), lastOf(path)))) !== undefined;
    },
    async list(path) {
      const folder = await at(path);
      const stat = await lstatOrUndefined(folder);
      return stat?.isDirectory() ? (await readdir(folder)).sort() : [];
    },
  };
}

/** The path on the host side that `path` means inside `root`. Parts that do not exist are taken as they are written. */
export async function resolveInRoot(root: string, path: string): Promise<string> {
  const waiting = path.split("/").reverse();
  let resolved: string[] = [];
  let links = 0;
  while (waiting.length > 0) {
    const part = waiting.pop();
    if (part === undefined || part === "" || part === ".") continue;
    if (part === "..") {
      resolved = resolved.slice(0, -1);
      continue;
    }
    const candidate = join(root, ...resolved, part);
    const stat = await lstatOrUndefined(candidate);
    if (!stat?.isSymbolicLink()) {
      resolved.push(part);
      continue;
    }
    if (++links > maxLinks)
      throw new BuildError("TARGET_PATH_UNSAFE", { path, at: candidate, reason: "in a loop of links" });
    const linkTarget = await readlink(candidate);
    if (linkTarget.startsWith("/")) resolved = [];
    waiting.push(...linkTarget.split("/").reverse());
  }
  return join(root, ...resolved);
}

/** Makes the folders of a path inside the root, each owned by root. */
async function mkdirIn(root: string, path: string): Promise<void> {
  let done = "";
  for (const part of path.split("/").filter(Boolean)) {
    done += `/${part}`;
    const folder = await resolveInRoot(root, done);
    const stat = await lstatOrUndefined(folder);
    if (stat === undefined) {
      await mkdir(folder, { recursive: true, mode: 0o755 });
      await chown(folder, 0, 0);
    } else if (!stat.isDirectory()) {
      throw new BuildError("TARGET_PATH_UNSAFE", { path, at: folder, reason: "not a folder" });
    }
  }
}

function refuseUnlessFile(path: string, at: string, isFile: boolean): void {
  if (!isFile) throw new BuildError("TARGET_PATH_UNSAFE", { path, at, reason: "not a regular file" });
}

const lastOf = (path: string): string => path.split("/").filter(Boolean).at(-1) ?? "";

const lstatOrUndefined = async (path: string) =>
  lstat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT" || error.code === "ENOTDIR") return undefined;
    throw error;
  });
