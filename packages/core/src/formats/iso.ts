/**
 * A live medium: kernel and initramfs of the tree, and the tree as a squashfs file system that the initramfs finds and
 * mounts under a writable layer in memory. The initramfs can do so only with live-boot in the image.
 */
import { copyFile, lstat, mkdir, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { BuildError } from "../errors.js";
import type { BuildPlan } from "../plan/plan.js";
import { targetFiles } from "../workspace/target.js";
import {
  defineFormat,
  type FormatCheck,
  type FormatHostCommand,
  type FormatProblem,
  type FormatRequest,
} from "./format.js";
import { runForFormat } from "./run-for-format.js";
import { squashfsTools, writeSquashfs } from "./squashfs.js";

const livePackage = "live-boot";

export const iso = defineFormat({
  name: "iso",
  from: "tree",
  extension: "iso",
  hostCommands: ({ arch }) => [...hostCommands, ...(platforms[arch] ?? [])],
  check: async (request) => [...checkArch(request), ...(await checkLiveBoot(request))],
  async write(request) {
    const { root, staged, plan } = request;
    const kernel = await newestKernel(root);
    if (kernel === undefined) throw unfit(request, "the image has no kernel with an initramfs in /boot");
    if (!(await hasLiveBoot(root)))
      throw unfit(request, `the image has no ${livePackage}, and would not find its root`);
    const folder = `${staged}.parts`;
    try {
      const live = join(folder, "live");
      await mkdir(live, { recursive: true });
      await mkdir(join(folder, "boot/grub"), { recursive: true });
      await copyOut(root, kernel.kernel, join(live, "vmlinuz"));
      await copyOut(root, kernel.initramfs, join(live, "initrd"));
      // The disk's file systems are not on this medium, and waiting for them would hold up the boot.
      await writeSquashfs({ ...request, staged: join(live, "filesystem.squashfs") }, ["etc/fstab"]);
      await writeFile(join(folder, "boot/grub/grub.cfg"), grubConfig(plan));
      await makeMedium(request, folder);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
    await checkMedium(request);
    return { files: [{ staged, extension: "iso" }] };
  },
});

const hostCommands: readonly FormatHostCommand[] = [
  squashfsTools,
  {
    command: "grub-mkrescue",
    or: ["grub2-mkrescue"],
    debian: "grub-common",
    fedora: "grub2-tools-extra",
    opensuse: "grub2",
  },
  { command: "xorriso", debian: "xorriso", fedora: "xorriso", opensuse: "xorriso" },
  { command: "mformat", debian: "mtools", fedora: "mtools", opensuse: "mtools" },
];

/** Folders with GRUB for a firmware. */
const platform = (name: string, debian: string, fedora: string, opensuse: string): FormatHostCommand => ({
  command: `/usr/lib/grub/${name}`,
  or: [`/usr/share/grub2/${name}`],
  ...{ debian, fedora, opensuse },
});
const pc = [
  platform("i386-pc", "grub-pc-bin", "grub2-pc-modules", "grub2-i386-pc"),
  platform("x86_64-efi", "grub-efi-amd64-bin", "grub2-efi-x64-modules", "grub2-x86_64-efi"),
];
const platforms: Readonly<Record<string, readonly FormatHostCommand[]>> = {
  amd64: pc,
  i386: pc,
  arm64: [platform("arm64-efi", "grub-efi-arm64-bin", "grub2-efi-aa64-modules", "grub2-arm64-efi")],
};

/** What xorriso calls the firmware of each. */
const firmwares = (arch: string): readonly string[] => (arch === "arm64" ? ["UEFI"] : ["BIOS", "UEFI"]);

const checkArch = ({ config: { arch } }: FormatCheck): readonly FormatProblem[] =>
  Object.hasOwn(platforms, arch)
    ? []
    : [
        {
          setting: "arch",
          value: arch,
          reason: "an iso can be made for amd64, i386 and arm64.",
          hint: "Leave iso out, or choose one of these.",
        },
      ];

/** Whether anything asks for live-boot; that it is there is seen when the tree is whole. */
async function checkLiveBoot({ config, elements }: FormatCheck): Promise<readonly FormatProblem[]> {
  if (config.packages.some((name) => name.startsWith(livePackage))) return [];
  for (const { folder } of elements) if (await mentions(folder, livePackage)) return [];
  const reason = `nothing puts ${livePackage} into the image, which an initramfs needs to find its root on such a medium.`;
  return [{ setting: "formats", value: "iso", reason, hint: `Add -p ${livePackage}.` }];
}

/** In what an element installs packages with: lists, scripts and modules. */
async function mentions(folder: string, word: string, inside = ""): Promise<boolean> {
  for (const entry of await readdir(join(folder, inside), { withFileTypes: true })) {
    const path = join(inside, entry.name);
    if (entry.isDirectory() && entry.name !== "node_modules" && (await mentions(folder, word, path))) return true;
    if (entry.isFile() && installing.test(path) && (await isWithin(join(folder, path), word))) return true;
  }
  return false;
}
const installing = /^package-installs|^pkg-map|\.d\/|^bin\/|\.[cm]?[jt]s$/;

/** Whoever writes a larger one by hand writes no script. */
const maxScriptBytes = 2 ** 20;

const isWithin = async (file: string, word: string): Promise<boolean> =>
  (await stat(file)).size <= maxScriptBytes && (await readFile(file)).includes(word);

interface Kernel {
  readonly kernel: string;
  readonly initramfs: string;
}

/** The newest version that has both, by the names of Debian, Fedora and openSUSE. */
async function newestKernel(root: string): Promise<Kernel | undefined> {
  const names = await fileNames(root, "/boot");
  const byNumber = new Intl.Collator("en", { numeric: true });
  const versions = names
    .flatMap((name) => /^vmlinu[xz]-(.+)$/.exec(name)?.[1] ?? [])
    .sort((a, b) => byNumber.compare(b, a));
  for (const version of versions) {
    const of = (...candidates: string[]) => candidates.find((name) => names.includes(name));
    const kernel = of(`vmlinuz-${version}`, `vmlinux-${version}`);
    const initramfs = of(`initrd.img-${version}`, `initramfs-${version}.img`, `initrd-${version}`);
    if (kernel !== undefined && initramfs !== undefined)
      return { kernel: `/boot/${kernel}`, initramfs: `/boot/${initramfs}` };
  }
  return undefined;
}

/** Of a folder of the image: what are files, also by way of links in the image; no devices, which have no end. */
async function fileNames(root: string, folder: string): Promise<readonly string[]> {
  const files = targetFiles(root);
  const names = await files.list(folder);
  const isFile = async (name: string) =>
    (await lstat(await files.resolve(`${folder}/${name}`)).catch(() => undefined))?.isFile() === true;
  const areFiles = await Promise.all(names.map(isFile));
  return names.filter((_, index) => areFiles[index]);
}

/** Never a file of the host, whatever the links of the image say. */
const copyOut = async (root: string, path: string, to: string): Promise<void> =>
  copyFile(await targetFiles(root).resolve(path), to);

const hasLiveBoot = async (root: string): Promise<boolean> =>
  (await targetFiles(root).list("/lib/live/boot")).length > 0;

const unfit = ({ format }: FormatRequest, reason: string) =>
  new BuildError("FORMAT_FAILED", { format, reason, hint: `Add -p ${livePackage}, and an element with a kernel.` });

/** Both consoles, since a machine may have either. */
function grubConfig({ environment, image }: BuildPlan): string {
  const added = environment.find(({ name }) => name === "DIB_BOOT_ISO_KERNEL_CMDLINE_ARGS")?.value ?? "";
  return `serial --unit=0 --speed=115200
terminal_input console serial
terminal_output console serial
set timeout=1
menuentry "${image.replace(/["\\$`]/g, "")}" {
  linux /live/vmlinuz boot=live console=tty0 console=ttyS0,115200n8 ${added.replace(/[;|&<>{}\n]/g, "")}
  initrd /live/initrd
}
`;
}

/** For a BIOS and for UEFI, from a disc and from a stick. */
async function makeMedium(request: FormatRequest, folder: string): Promise<void> {
  const { exec, staged } = request;
  const isNamedSo = (await exec("grub-mkrescue", ["--version"])).exitCode === 0;
  const program = isNamedSo ? "grub-mkrescue" : "grub2-mkrescue";
  await runForFormat(request, [program, "-o", staged, folder, "--", "-volid", "DIB_LIVE"]);
}

/** Reads the medium back: its root is on it, and each firmware finds something to start. */
async function checkMedium({ exec, signal, staged, plan }: FormatRequest): Promise<void> {
  const asked = ["-report_el_torito", "plain", "-find", "/live/filesystem.squashfs"];
  const { exitCode, stdout, stderr } = await exec("xorriso", ["-indev", staged, ...asked], { signal });
  signal.throwIfAborted();
  const missing = firmwares(plan.arch).filter((name) => !new RegExp(`boot img :.* ${name} `).test(stdout));
  const isWhole = exitCode === 0 && stdout.includes("'/live/filesystem.squashfs'");
  if (isWhole && missing.length === 0) return;
  const reason = isWhole ? `nothing starts it with ${missing.join(" and ")}` : stderr.trim().slice(-2000);
  throw new BuildError("ARTIFACT_CHECK_FAILED", { file: staged, reason });
}
