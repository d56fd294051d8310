/**
 * What scripts of the cleanup phase put beside the output: IMAGE_NAME.kernel, IMAGE_NAME.vmlinuz, IMAGE_NAME.iso. While they
 * run, the output's folder is an overlay in the worker's own mount namespace: they write there as ever and read what they
 * wrote, and nobody else sees any of it. It is staged with the outputs, and gets its name when the build has succeeded.
 * Folders that are there already are not covered: caches and work folders may be among them.
 */
import { lstat, mkdir, readdir, realpath } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import type { BuildContext } from "../context.js";
import { isBuildError } from "../errors.js";
import type { BuildPlaces } from "../plan/plan.js";
import { mustRun } from "../process/exec.js";
import { escapeOption, mount, unmountBelow } from "./mounts.js";
import { openFolder, type OpenFolder } from "./open-folder.js";
import { ResourceStack } from "./resource-stack.js";
import type { Workspace } from "./workspace.js";

export interface SideFile {
  /** Undefined: a script has taken away what has this name. */
  readonly staged: string | undefined;
  /** Absolute. */
  readonly target: string;
}

export class SideFiles {
  readonly #files: SideFile[] = [];
  readonly #staging: string;
  readonly #folder: string;
  readonly #name: string;
  readonly #caller: BuildPlaces["caller"];
  readonly #cacheDir: string;

  constructor(staging: string, { output, caller, cacheDir }: Pick<BuildPlaces, "output" | "caller" | "cacheDir">) {
    this.#cacheDir = cacheDir;
    this.#staging = staging;
    this.#folder = dirname(output);
    this.#name = basename(output);
    this.#caller = caller;
  }

  /** All that was caught, files and folders. */
  get files(): readonly SideFile[] {
    return this.#files;
  }

  /** Runs scripts, and stages what they leave beside the output. What they leave when they fail is gone. */
  async catch<T>(
    { buildDir, background }: Pick<Workspace, "buildDir" | "background">,
    act: () => Promise<T>,
    ctx: BuildContext,
  ): Promise<T> {
    const upper = join(buildDir, "beside");
    await mkdir(upper);
    // What writes into a cache by its name would lose it with the cover, and hold the cover with it.
    if (await isBelow(this.#folder, this.#cacheDir)) await background.settle();
    const cover = await this.#cover(upper, ctx);
    if (cover === undefined) return this.#catchInPlace(act, ctx);
    let result: T;
    {
      await using _cover = cover; // gone before what was written is looked at
      result = await act();
    }
    for (const name of await readdir(upper)) await this.#stage(join(upper, name), ctx);
    return result;
  }

  /** Undefined where the output's folder can't be covered: on FAT, for one, or when it is the root folder, where all begin. */
  async #cover(upper: string, ctx: BuildContext): Promise<AsyncDisposable | undefined> {
    if (this.#folder === "/") return undefined;
    await using stack = new ResourceStack();
    const work = `${upper}.work`;
    await mkdir(work);
    await using folders = await openFolders(this.#folder);
    const layers = `lowerdir=${escapeOption(this.#folder)},upperdir=${escapeOption(upper)},workdir=${escapeOption(work)}`;
    const options = `${layers},redirect_dir=off,metacopy=off,index=off`;
    try {
      await mount({ what: "overlay", target: this.#folder, type: "overlay", options }, stack, ctx);
    } catch (error) {
      if (!isBuildError(error) || error.code !== "MOUNT_FAILED") throw error;
      return undefined;
    }
    for (const { target, opened } of folders.beside) {
      try {
        await mount({ what: opened.path, target, options: "rbind", isMagicLink: true }, stack, ctx);
      } catch (error) {
        if (await opened.isGone()) continue; // with the build beside this one that had made it
        throw error;
      }
      stack.defer(`mounts below ${target}`, () => unmountBelow(target, ctx));
    }
    return stack.move();
  }

  /** Afterwards, then: what is new or changed under the output's name is taken from where it is. */
  async #catchInPlace<T>(act: () => Promise<T>, ctx: BuildContext): Promise<T> {
    const before = await this.#changeTimes();
    const result = await act();
    for (const [path, time] of await this.#changeTimes()) if (before.get(path) !== time) await this.#stage(path, ctx);
    return result;
  }

  async #changeTimes(): Promise<ReadonlyMap<string, number>> {
    const names = (await readdir(this.#folder)).filter((name) => name.startsWith(`${this.#name}.`));
    const files = await Promise.all(names.map(async (name) => [name, await lstat(join(this.#folder, name))] as const));
    return new Map(
      files.flatMap(([name, found]) => (found.isFile() ? [[join(this.#folder, name), found.ctimeMs]] : [])),
    );
  }

  async #stage(path: string, { exec }: Pick<BuildContext, "exec">): Promise<void> {
    const target = join(this.#folder, basename(path));
    if (await isWhiteout(path)) {
      this.#files.push({ staged: undefined, target });
      return;
    }
    const folder = join(this.#staging, "beside");
    await mkdir(folder, { recursive: true });
    await mustRun(exec, "cp", ["--archive", "--sparse=always", "--target-directory", folder, "--", path]);
    const staged = join(folder, basename(path));
    const { uid, gid } = this.#caller;
    await mustRun(exec, "chown", ["--recursive", "--no-dereference", `${uid}:${gid}`, "--", staged]);
    this.#files.push({ staged, target });
  }
}

/** Gone with another build, or mounted by a user for nobody else, or from a machine that does not answer: no script sees into it. */
const unseen = new Set(["ENOENT", "ENOTDIR", "EACCES", "ENOTCONN", "ESTALE"]);

interface FolderBeside {
  /** Absolute. */
  readonly target: string;
  readonly opened: OpenFolder;
}

/** The folders in a folder, with all that is mounted below them. An open one is still reached when its name is covered. */
async function openFolders(folder: string): Promise<AsyncDisposable & { readonly beside: readonly FolderBeside[] }> {
  await using stack = new ResourceStack();
  const entries = (await readdir(folder, { withFileTypes: true })).filter((entry) => entry.isDirectory());
  const beside: FolderBeside[] = [];
  for (const { name } of entries) {
    const target = join(folder, name);
    const opened = await openFolder(target).catch((error: NodeJS.ErrnoException) => {
      if (!unseen.has(error.code ?? "")) throw error;
    });
    if (opened === undefined) continue;
    stack.defer(`the open folder ${target}`, async () => opened[Symbol.asyncDispose]());
    beside.push({ target, opened });
  }
  const held = stack.move();
  return { beside, [Symbol.asyncDispose]: () => held[Symbol.asyncDispose]() };
}

async function isBelow(folder: string, path: string): Promise<boolean> {
  const [above, below] = await Promise.all([folder, path].map((each) => realpath(each).catch(() => each)));
  return `${below}/`.startsWith(`${above?.replace(/\/$/, "")}/`);
}

/** How an overlay says that a name of its lower folder is gone. */
async function isWhiteout(path: string): Promise<boolean> {
  const found = await lstat(path);
  return found.isCharacterDevice() && found.rdev === 0;
}
