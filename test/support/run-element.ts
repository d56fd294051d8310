/** Runs elements on a small Debian, and says what they changed in it. */
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readdir, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { createExec, mustRun } from "@dibjs/core/process/exec.js";
import { runElement as runInTree, type ElementRun as RunInTree } from "@dibjs/testkit";
import { startAptProxy } from "./apt-proxy.js";
import { cacheFolder } from "./cache-folder.js";
import { lockFile } from "./file-lock.js";

export interface ElementRun extends RunInTree, AsyncDisposable {
  /** What the build published. */
  readonly out: string;
  /** Content of a file of the finished tree. */
  read(path: string): Promise<string>;
  /** Runs a program in a scratch copy of the finished tree; `files` (path → content) are put into it first. */
  chroot(files: Readonly<Record<string, string>>, program: string, ...args: string[]): Promise<string>;
}

export interface ElementRunRequest {
  readonly env?: Readonly<Record<string, string>>;
  /** Gets the caller's HOME before the build. */
  readonly prepare?: (home: string) => Promise<void>;
}

const exec = createExec();
const packages = fileURLToPath(new URL("../../packages", import.meta.url));

/** With the scripts of all elements that they need. */
export async function runElement(
  [element = "", ...others]: readonly string[],
  { env = {}, prepare }: ElementRunRequest = {},
): Promise<ElementRun> {
  const { codename, mirror, securityMirror } = await startAptProxy();
  const base = await openBase(codename, mirror);
  const suites = [`${mirror} ${codename}`, `${mirror} ${codename}-updates`, `${securityMirror} ${codename}-security`];
  const folder = await mkdtemp("/var/tmp/dibjs-build-");
  const dispose = () => rm(folder, { recursive: true, force: true });
  await mkdir(join(folder, "home"));
  await prepare?.(join(folder, "home"));
  const run = await runInTree({
    element,
    with: ["dpkg", ...others],
    dependencies: "run",
    tree: [
      { tar: base },
      { files: { "/etc/apt/sources.list": suites.map((suite) => `deb ${suite} main\n`).join("") } },
    ],
    packages: (await readdir(packages))
      .filter((name) => name.startsWith("element-"))
      .map((name) => join(packages, name)),
    settings: { cacheDir: join(cacheFolder, "image-cache") },
    folder,
    env: {
      DISTRO_NAME: "debian",
      DIB_RELEASE: codename,
      DIB_INIT_SYSTEM: "systemd",
      DIB_DISTRIBUTION_MIRROR: mirror,
      DIB_DEBIAN_SECURITY_MIRROR: securityMirror,
      ...env,
    },
  }).catch(async (error: unknown) => {
    await dispose();
    throw error;
  });
  const out = join(folder, "out");
  const image = join(out, "image.tar");
  return {
    ...run,
    out,
    read: (path) => mustRun(exec, "tar", ["--to-stdout", "--extract", "--file", image, `.${path}`]),
    async chroot(files, program, ...args) {
      const root = join(folder, "chroot");
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
    [Symbol.asyncDispose]: dispose,
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
