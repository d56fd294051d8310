import { access, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { BuildError, type Exec } from "@dibjs/core";
import { firmwareOf } from "./partitions.js";

export type Firmware = "bios" | "uefi";

/** Code and variables of UEFI firmware, where Debian, Fedora and openSUSE put them. */
const uefiFiles: Readonly<Record<string, readonly (readonly [code: string, variables: string])[]>> = {
  amd64: [
    ["/usr/share/OVMF/OVMF_CODE_4M.fd", "/usr/share/OVMF/OVMF_VARS_4M.fd"],
    ["/usr/share/OVMF/OVMF_CODE.fd", "/usr/share/OVMF/OVMF_VARS.fd"],
    ["/usr/share/edk2/ovmf/OVMF_CODE.fd", "/usr/share/edk2/ovmf/OVMF_VARS.fd"],
    ["/usr/share/qemu/ovmf-x86_64-code.bin", "/usr/share/qemu/ovmf-x86_64-vars.bin"],
  ],
  arm64: [
    ["/usr/share/AAVMF/AAVMF_CODE.fd", "/usr/share/AAVMF/AAVMF_VARS.fd"],
    ["/usr/share/edk2/aarch64/QEMU_EFI-pflash.raw", "/usr/share/edk2/aarch64/vars-template-pflash.raw"],
    ["/usr/share/qemu/aavmf-aarch64-code.bin", "/usr/share/qemu/aavmf-aarch64-vars.bin"],
  ],
};

export interface ImageFile {
  readonly path: string;
  /** As qemu-img names it. */
  readonly format: string;
  /** An ISO 9660 file system: it goes into a drive for discs. */
  readonly isDisc?: boolean;
}

const startBytes = 64 * 1024;

/** Reads the partition table through qemu-img, so that every format it knows will do. */
export async function detectFirmware({ path, format, isDisc }: ImageFile, exec: Exec): Promise<Firmware> {
  if (isDisc === true) return "bios"; // a disc has no partition table to go by, and either firmware starts ours
  const folder = await mkdtemp(join(tmpdir(), "dib-boot-"));
  try {
    const start = join(folder, "start");
    const which = ["-f", format, "-O", "raw", "bs=512", `count=${startBytes / 512}`, `if=${path}`, `of=${start}`];
    const { exitCode, stderr } = await exec("qemu-img", ["dd", ...which]);
    if (exitCode !== 0) throw new BuildError("USAGE_INVALID", { reason: `${path} can't be read: ${stderr.trim()}` });
    return firmwareOf(await readFile(start));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Options of QEMU for UEFI; what the firmware remembers goes with the machine. Throws HOST_TOOL_MISSING. */
export async function uefiOptions(arch: string): Promise<readonly string[]> {
  for (const [code, variables] of uefiFiles[arch] ?? []) {
    if (!(await exists(code)) || !(await exists(variables))) continue;
    return [
      ...["-drive", `if=pflash,format=raw,unit=0,readonly=on,file=${code}`],
      ...["-drive", `if=pflash,format=raw,unit=1,snapshot=on,file=${variables}`],
    ];
  }
  const debian = arch === "arm64" ? "qemu-efi-aarch64" : "ovmf";
  const tool = {
    tool: "UEFI firmware",
    neededFor: "dib boot",
    debian,
    fedora: arch === "arm64" ? "edk2-aarch64" : "edk2-ovmf",
    opensuse: arch === "arm64" ? "qemu-uefi-aarch64" : "qemu-ovmf-x86_64",
  };
  throw new BuildError("HOST_TOOL_MISSING", { tools: [tool] });
}

const exists = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  );
