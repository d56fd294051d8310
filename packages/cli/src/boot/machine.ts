/** The machine that an image is booted in: from options and image to QEMU's command line. */
import { access } from "node:fs/promises";
import { resolve } from "node:path";
import { BuildError, type Exec } from "@dibjs/core";
import type { Given } from "../options.js";
import { processorFor, type Accelerator } from "./accelerator.js";
import { formatByContent, hasBootMark } from "./content.js";
import { detectFirmware, uefiOptions, type Firmware, type ImageFile } from "./firmware.js";
import { escapePath, guestArch, qemuProgram } from "./qemu.js";

export interface Machine {
  readonly arch: string;
  /** `none`: QEMU itself loads the kernel. */
  readonly firmware: Firmware | "none";
  readonly firmwareOptions: readonly string[];
  readonly image: ImageFile | KernelPair;
  readonly memoryMiB: number;
  readonly processors: number;
}

/** A kernel and the initramfs beside it, as ramdisk builds make them. */
export interface KernelPair {
  /** Of the kernel. */
  readonly path: string;
  readonly initramfs: string;
  /** Words for the kernel's command line, beside the console's. */
  readonly append: string;
}

/** What the options alone say of the machine. */
export const readMachineOptions = (given: Given): Pick<Machine, "arch" | "memoryMiB" | "processors"> => ({
  arch: guestArch(given.a as string | undefined),
  memoryMiB: integerFrom("--memory", given.memory),
  processors: integerFrom("--smp", given.smp),
});

/** Throws USAGE_INVALID and HOST_TOOL_MISSING. */
export async function assembleMachine(written: string, given: Given, exec: Exec): Promise<Machine> {
  const options = readMachineOptions(given);
  const { arch } = options;
  const pair = await readPair(resolve(written), given);
  const image = pair ?? (await readImage(resolve(written), exec));
  await checkProgram(qemuProgram(arch), arch, exec);
  if ("initramfs" in image) return { ...options, firmware: "none", firmwareOptions: [], image };
  const asked = given.firmware as Firmware | "auto";
  const firmware = asked !== "auto" ? asked : arch === "arm64" ? "uefi" : await detectFirmware(image, exec);
  return { ...options, firmware, firmwareOptions: firmware === "uefi" ? await uefiOptions(arch) : [], image };
}

export function numberFrom(option: string, text: unknown): number {
  const value = Number(text);
  if (!Number.isFinite(value) || value <= 0)
    throw new BuildError("USAGE_INVALID", { reason: `${option} is ${String(text)}, expected a positive number.` });
  return value;
}

function integerFrom(option: string, text: unknown): number {
  const value = numberFrom(option, text);
  if (!Number.isInteger(value))
    throw new BuildError("USAGE_INVALID", { reason: `${option} is ${String(text)}, expected a whole number.` });
  return value;
}

/** Undefined for what isn't named as one of a pair. */
async function readPair(path: string, given: Given): Promise<KernelPair | undefined> {
  const [, stem] = /^(.+)\.(kernel|initramfs)$/.exec(path) ?? [];
  if (stem === undefined) {
    if (given.append === undefined) return undefined;
    throw new BuildError("USAGE_INVALID", {
      reason: `--append is for a kernel, and ${path} is not named as one: NAME.kernel with NAME.initramfs beside it.`,
    });
  }
  const pair = {
    path: `${stem}.kernel`,
    initramfs: `${stem}.initramfs`,
    append: (given.append as string | undefined) ?? "",
  };
  for (const file of [pair.path, pair.initramfs])
    await access(file).catch((error: Error) => {
      throw new BuildError("USAGE_INVALID", { reason: `${file} can't be read: ${error.message}` }, { cause: error });
    });
  return pair;
}

async function readImage(path: string, exec: Exec): Promise<ImageFile> {
  await access(path).catch((error: NodeJS.ErrnoException) => {
    const said =
      error.code === "ENOENT"
        ? { reason: `There is no image ${path}.`, hint: "Give the file that a build printed at its end." }
        : { reason: `The image ${path} can't be read: ${error.message}` };
    throw new BuildError("USAGE_INVALID", said, { cause: error });
  });
  const asked = await formatByContent(path);
  const which = asked === "vpc" ? ["-f", asked] : [];
  const { exitCode, stdout, stderr } = await exec("qemu-img", [
    "info",
    ...["--force-share", "--output=json", ...which, path],
  ]);
  if (exitCode === 127) throw missing("qemu-img", { debian: "qemu-utils", fedora: "qemu-img", opensuse: "qemu-tools" });
  if (exitCode !== 0) throw new BuildError("USAGE_INVALID", { reason: `${path} is no disk image: ${stderr.trim()}` });
  const { format } = JSON.parse(stdout) as { format: string };
  if (format === "raw" && asked !== "iso" && !(await hasBootMark(path)))
    throw new BuildError("USAGE_INVALID", {
      reason: `${path} is no disk image: its first sector does not end in the mark of one (55 AA).`,
      hint: "dib boot takes disks, discs, and a kernel beside its initramfs; no trees and no file systems.",
    });
  return { path, format, isDisc: asked === "iso" };
}

async function checkProgram(program: string, arch: string, exec: Exec): Promise<void> {
  const { exitCode } = await exec(program, ["--version"]);
  if (exitCode === 0) return;
  const debian = arch === "arm64" ? "qemu-system-arm" : "qemu-system-x86";
  throw missing(program, { debian, fedora: `${program}-core`, opensuse: arch === "arm64" ? "qemu-arm" : "qemu-x86" });
}

const missing = (tool: string, packages: { debian: string; fedora: string; opensuse: string }) =>
  new BuildError("HOST_TOOL_MISSING", { tools: [{ tool, neededFor: "dib boot", ...packages }] });

export function qemuCommand(
  { arch, firmwareOptions, image, memoryMiB, processors }: Machine,
  accelerator: Accelerator,
): [string, ...string[]] {
  return [
    qemuProgram(arch),
    ...["-accel", accelerator, "-cpu", processorFor(accelerator)],
    ...(arch === "arm64" ? ["-machine", "virt"] : []),
    ...["-m", String(memoryMiB), "-smp", String(processors)],
    ...firmwareOptions,
    ...("initramfs" in image ? kernelOptions(image, arch) : driveOptions(arch, image)),
    ...["-nic", "user,model=virtio-net-pci", "-device", "virtio-rng-pci", "-no-reboot"],
  ];
}

function driveOptions(arch: string, { path, format, isDisc }: ImageFile): readonly string[] {
  const drive = `file=${escapePath(path)},format=${format}`;
  // snapshot=on: what the guest writes goes to a nameless temporary file
  if (!isDisc) return ["-drive", `${drive},if=virtio,snapshot=on`];
  if (arch !== "arm64") return ["-drive", `${drive},media=cdrom,readonly=on`];
  // That machine has no IDE.
  const device = ["-device", "virtio-scsi-pci", "-device", "scsi-cd,drive=disc"];
  return ["-drive", `${drive},if=none,id=disc,media=cdrom,readonly=on`, ...device];
}

/** A kernel that panics reboots at once, which here ends the machine. */
function kernelOptions({ path, initramfs, append }: KernelPair, arch: string): readonly string[] {
  const console = arch === "arm64" ? "ttyAMA0" : "ttyS0";
  const words = [`console=${console}`, "panic=-1", ...append.split(/\s+/).filter(Boolean)];
  return ["-kernel", path, "-initrd", initramfs, "-append", words.join(" ")];
}
