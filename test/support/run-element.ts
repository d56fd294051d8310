/** Runs elements on a small Debian, and says what they changed in it. */
import { existsSync } from "node:fs";
import { mkdir, readFile, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { createExec, mustRun } from "@dibjs/core/process/exec.js";
import { startAptProxy } from "./apt-proxy.js";
import { cacheFolder } from "./cache-folder.js";
import { lockFile } from "./file-lock.js";
import { BuildFolder, type BuildRequest } from "./real-build.js";
import { diffTrees, type TreeDiff } from "./tree-diff.js";
import type { Tree } from "./tree-snapshot.mjs";

export interface ElementRun extends AsyncDisposable {
  readonly folder: BuildFolder;
  readonly diff: TreeDiff;
  /** Content of a file of the finished tree. */
  read(path: string): Promise<string>;
  /** Runs a program in a scratch copy of the finished tree; `files` (path → content) are put into it first. */
  chroot(files: Readonly<Record<string, string>>, program: string, ...args: string[]): Promise<string>;
}

const exec = createExec();
const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));

/** `prepare` gets the folder before the build: the caller's HOME is in it. */
export async function runElement(
  elements: readonly string[],
  { env = {}, prepare }: Pick<BuildRequest, "env"> & { prepare?: (folder: BuildFolder) => Promise<void> } = {},
): Promise<ElementRun> {
  const { codename, mirror, securityMirror } = await startAptProxy();
  const base = await openBase(codename, mirror);
  const folder = await BuildFolder.open();
  const snapshots = join(folder.path, "snapshots");
  await mkdir(snapshots);
  await prepare?.(folder);
  const built = folder.build({
    elements: ["fixture-os", ...elements],
    elementPaths: [here("elements")],
    plugins: [here("tree-snapshot.mjs")],
    flags: { formats: ["tar"], base: false, cacheDir: join(cacheFolder, "image-cache") },
    env: {
      DIB_TEST_BASE: base,
      DIB_TEST_SNAPSHOTS: snapshots,
      DIB_RELEASE: codename,
      DIB_DISTRIBUTION_MIRROR: mirror,
      DIB_DEBIAN_SECURITY_MIRROR: securityMirror,
      ...env,
    },
  });
  await built.catch(async (error: unknown) => {
    await folder[Symbol.asyncDispose]();
    throw error;
  });
  const treeOf = async (name: string) => JSON.parse(await readFile(join(snapshots, `${name}.json`), "utf8")) as Tree;
  const image = `${folder.image}.tar`;
  return {
    folder,
    diff: diffTrees(await treeOf("before"), await treeOf("after")),
    read: (path) => mustRun(exec, "tar", ["--to-stdout", "--extract", "--file", image, `.${path}`]),
    async chroot(files, program, ...args) {
      const root = join(folder.path, "chroot");
      if (!existsSync(root)) {
        await mkdir(root);
        await mustRun(exec, "tar", ["--directory", root, "--numeric-owner", "--extract", "--file", image]);
        for (const [name, minor] of Object.entries({ null: 3, zero: 5, urandom: 9 })) {
          await mustRun(exec, "mknod", ["--mode=0666", join(root, "dev", name), "c", "1", String(minor)]);
        }
      }
      for (const [path, content] of Object.entries(files))
        await mustRun(exec, "tee", [join(root, path)], { input: content });
      return mustRun(exec, "chroot", [root, program, ...args]);
    },
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  };
}

/** A minimal Debian with systemd and sudo as a tarball; a day old at most, so that it is as new as the mirror. */
export async function openBase(codename: string, mirror: string): Promise<string> {
  const file = join(cacheFolder, "fixtures", `${codename}.tar.zst`);
  await using _lock = await lockFile(`${file}.lock`);
  const { mtimeMs } = await stat(file).catch(() => ({ mtimeMs: 0 }));
  if (Date.now() - mtimeMs < 86_400_000) return file;
  const options = [
    "--quiet",
    "--mode=root",
    "--variant=minbase",
    "--include=apt,systemd-sysv,sudo,tzdata",
    "--aptopt=APT::Install-Recommends false",
    "--dpkgopt=force-unsafe-io",
  ];
  const partial = file.replace(".tar", ".new.tar");
  await rm(partial, { force: true });
  await mustRun(exec, "mmdebstrap", [...options, codename, partial, `deb ${mirror} ${codename} main`]);
  await rename(partial, file);
  return file;
}
