/** What is asked of the host before a build. Behind an interface, so that `checkHost` can be tried with any host. */
import { access, constants, open, readFile, stat, statfs } from "node:fs/promises";
import { release } from "node:os";
import { dirname, join } from "node:path";
import { debianArch } from "../config/normalize.js";
import { createExec } from "../process/exec.js";
import { engineQuestion } from "./host-tools.js";

export interface HostProbe {
  readonly uid: number;
  /** As Debian names it. */
  readonly arch: string;
  /** `uname -r`. */
  readonly kernelRelease: string;
  /** Absolute path of a program in PATH, without running anything. */
  which(program: string): Promise<string | undefined>;
  /** Undefined when there is nothing, or it can't be looked at. */
  kindOf(path: string): Promise<"file" | "folder" | "other" | undefined>;
  canWrite(path: string): Promise<boolean>;
  /**
   * Of the file system that holds `path`. `type` is the kernel's magic number, `device` tells file systems apart.
   * `freeBytes` is `Infinity` where none are counted, as in proc and some of FUSE.
   */
  space(path: string): Promise<{ freeBytes: number; type: number; device: number } | undefined>;
  /** All of it, or so many bytes at most. */
  readText(path: string, mostBytes?: number): Promise<string | undefined>;
  /** Whether Python finds a module. */
  hasPythonModule(python: string, module: string): Promise<boolean>;
  /** What sudo says when it won't run a program without asking for a password; undefined when it will. */
  sudoRefusal(): Promise<string | undefined>;
  /** Whether there is a docker engine that this user, or root, may use. */
  dockerAnswers(): Promise<boolean>;
}

/** This machine, with `path` as PATH. */
export function openProbe(path: string): HostProbe {
  const folders = path.split(":").filter(Boolean);
  return {
    uid: process.getuid?.() ?? 0,
    arch: debianArch(process.arch),
    kernelRelease: release(),
    which: (program) => findProgram(program, folders),
    kindOf: async (at) => {
      const info = await stat(at).catch(() => undefined);
      return info === undefined ? undefined : info.isFile() ? "file" : info.isDirectory() ? "folder" : "other";
    },
    canWrite: (at) => can(at, constants.W_OK),
    space: async (at) => {
      const found = await Promise.all([statfs(at), stat(at)]).catch(() => undefined);
      if (found === undefined) return undefined;
      const [{ blocks, bavail, bsize, type }, { dev }] = found;
      return { freeBytes: blocks === 0 ? Infinity : bavail * bsize, type, device: dev };
    },
    readText: (at, mostBytes) =>
      (mostBytes === undefined ? readFile(at, "utf8") : readHead(at, mostBytes)).catch(() => undefined),
    hasPythonModule: async (python, module) =>
      (await createExec()(python, ["-c", `import ${module}`], { env: { PATH: path } })).exitCode === 0,
    sudoRefusal: async () => {
      const { exitCode, stderr } = await createExec()("setsid", ["--wait", "sudo", "-n", "true"], {
        env: { PATH: path },
      });
      return exitCode === 0 ? undefined : stderr.trim();
    },
    dockerAnswers: async () => {
      const raise = process.getuid?.() === 0 ? [] : ["sudo", "-n"];
      const [program = "", ...args] = [...raise, ...engineQuestion];
      return (await createExec()(program, args, { env: { PATH: path } })).exitCode === 0;
    },
  };
}

async function readHead(path: string, mostBytes: number): Promise<string> {
  await using file = await open(path);
  const { buffer, bytesRead } = await file.read(Buffer.alloc(mostBytes), 0, mostBytes, 0);
  return buffer.toString("utf8", 0, bytesRead);
}

const can = (path: string, mode: number): Promise<boolean> =>
  access(path, mode).then(
    () => true,
    () => false,
  );

async function findProgram(program: string, folders: readonly string[]): Promise<string | undefined> {
  for (const folder of folders) {
    const file = join(folder, program);
    if (await can(file, constants.X_OK)) return file;
  }
  return undefined;
}

/** The path itself, or the nearest folder above it that exists. */
export async function existingPart(path: string, probe: HostProbe): Promise<string> {
  for (let at = path; ; at = dirname(at)) {
    if (at === dirname(at) || (await probe.kindOf(at)) !== undefined) return at;
  }
}

export const isContainer = async (probe: HostProbe): Promise<boolean> =>
  (await Promise.all(["/.dockerenv", "/run/.containerenv"].map((file) => probe.kindOf(file)))).some(
    (kind) => kind !== undefined,
  );

/** Whether the kernel has a file system, or can load it. Undefined where its modules can't be seen, as in containers. */
export async function hasFileSystem(name: string, probe: HostProbe): Promise<boolean | undefined> {
  const known = (await probe.readText("/proc/filesystems")) ?? "";
  if (known.split("\n").some((line) => line.split("\t").at(-1) === name)) return true;
  const modules = await probe.readText(`/lib/modules/${probe.kernelRelease}/modules.dep`);
  return modules?.includes(`/${name}.ko`);
}

/** Whether the kernel has device mapper, or can load it. */
export const hasMapper = async (probe: HostProbe): Promise<boolean> =>
  (await probe.kindOf("/sys/class/misc/device-mapper")) !== undefined || (await hasModule("dm-mod", probe)) === true;

/** Whether the kernel has a module, or can load it. Undefined where its modules can't be seen, as in containers. */
export async function hasModule(name: string, probe: HostProbe): Promise<boolean | undefined> {
  if ((await probe.kindOf(`/sys/module/${name.replaceAll("-", "_")}`)) !== undefined) return true;
  const folder = `/lib/modules/${probe.kernelRelease}`;
  const lists = await Promise.all(["dep", "builtin"].map((list) => probe.readText(`${folder}/modules.${list}`)));
  return lists[0] === undefined ? undefined : lists.some((list) => list?.includes(`/${name}.ko`) === true);
}

/** Numbers in linux/capability.h. */
const capabilityBits = { CAP_SYS_CHROOT: 18, CAP_SYS_ADMIN: 21, CAP_MKNOD: 27 } as const;

/** Capabilities that a build needs and that can't be had: root's own, or for another user what sudo could still raise. */
export async function missingCapabilities(probe: HostProbe): Promise<readonly string[]> {
  const status = (await probe.readText("/proc/self/status")) ?? "";
  const mask = new RegExp(`^${probe.uid === 0 ? "CapEff" : "CapBnd"}:\\s*([0-9a-f]+)`, "m").exec(status)?.[1];
  if (mask === undefined) return [];
  return Object.entries(capabilityBits)
    .filter(([, bit]) => ((BigInt(`0x${mask}`) >> BigInt(bit)) & 1n) === 0n)
    .map(([name]) => name);
}

/** Whether programs of another architecture run in a chroot: qemu-user is registered, and (flag F) was opened outside. */
export async function canRunForeign(arch: string, probe: HostProbe): Promise<boolean> {
  if (arch === probe.arch || native[probe.arch]?.includes(arch) === true) return true;
  const entry = await probe.readText(
    `/proc/sys/fs/binfmt_misc/qemu-${Object.hasOwn(qemuNames, arch) ? qemuNames[arch] : arch}`,
  );
  return entry !== undefined && /^enabled/m.test(entry) && /^flags:.*F/m.test(entry);
}

const native: Readonly<Record<string, readonly string[]>> = { amd64: ["i386"], arm64: ["armhf", "armel"] };
const qemuNames: Readonly<Record<string, string>> = {
  amd64: "x86_64",
  arm64: "aarch64",
  armhf: "arm",
  armel: "arm",
  ppc64el: "ppc64le",
  powerpc: "ppc",
};

/** Options of the mount that holds a path, from the kernel's table. */
export async function mountOptions(path: string, probe: HostProbe): Promise<readonly string[]> {
  const table = ((await probe.readText("/proc/self/mountinfo")) ?? "").split("\n").filter(Boolean);
  const mounts = table
    .map((line) => line.split(" "))
    .map(([, , , , target = "", options = ""]) => ({ target: decodeOctal(target), options }));
  const holding = mounts.filter(({ target }) => target === "/" || path === target || path.startsWith(`${target}/`));
  const longest = Math.max(...holding.map(({ target }) => target.length));
  return holding.findLast(({ target }) => target.length === longest)?.options.split(",") ?? [];
}

const decodeOctal = (text: string): string =>
  text.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)));
