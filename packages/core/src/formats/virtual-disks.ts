/** Disks of hypervisors other than QEMU: VHD, VHDX, VMDK and VDI. */
import type { FormatCheck, FormatProblem } from "./format.js";
import { convertedImage } from "./qemu-img.js";

const onOff = ["on", "off"];

/**
 * Azure takes sizes of whole MiB alone, and a dynamic VHD has blocks of 2 MiB. With `force_size` the footer says that
 * size; else qemu-img takes the next one that cylinders, heads and sectors can express, and the end of the disk, where a
 * GPT has its second table, would move.
 */
const vhd = {
  driver: "vpc",
  sizeMultipleBytes: 2 * 2 ** 20,
  options: { subformat: ["dynamic", "fixed"], force_size: onOff },
  check: (request: FormatCheck) => [...checkSectors("vhd", request), ...checkVhdSize(request)],
} as const;

/** Microsoft's VHD for Hyper-V and Xen, growing with its content: what DIB's `vhd-util convert` makes in two steps. */
export const vhdDynamic = convertedImage({
  ...vhd,
  name: "vhd",
  defaults: { subformat: "dynamic", force_size: "on" },
});

/** VHD of full length, as Azure wants it. The file has holes where the disk has nothing. */
export const vhdFixed = convertedImage({
  ...vhd,
  name: "vhd-fixed",
  extension: "fixed.vhd",
  options: { ...vhd.options, subformat: ["fixed"] },
  defaults: { subformat: "fixed", force_size: "on" },
});

/** The format of Hyper-V since 2012. */
export const vhdx = convertedImage({
  name: "vhdx",
  driver: "vhdx",
  sizeMultipleBytes: 2 ** 20,
  defaults: { subformat: "dynamic" },
  options: { subformat: ["dynamic", "fixed"], block_size: "any", log_size: "any", block_state_zero: onOff },
  check: (request) => checkSectors("vhdx", request),
});

/** VMware's format in its compressed form, which OVF and ESXi import; the forms of several files are left out. */
export const vmdk = convertedImage({
  name: "vmdk",
  driver: "vmdk",
  defaults: { subformat: "streamOptimized" },
  options: {
    subformat: ["streamOptimized", "monolithicSparse"],
    adapter_type: ["ide", "lsilogic", "buslogic", "legacyESX"],
    compat6: onOff,
    hwversion: "any",
    toolsversion: "any",
    zeroed_grain: onOff,
  },
  check: (request) => checkSectors("vmdk", request),
});

/** VirtualBox's format. */
export const vdi = convertedImage({
  name: "vdi",
  driver: "vdi",
  defaults: {},
  options: { static: onOff },
  check: (request) => checkSectors("vdi", request),
});

/** What qemu-img writes says, or implies, sectors of 512 bytes: partitions counted in others would lie elsewhere. */
function checkSectors(format: string, { disk }: FormatCheck): readonly FormatProblem[] {
  if (disk === undefined || disk.sectorSizeBytes === 512) return [];
  const reason = `disks of the format ${format} have sectors of 512 bytes.`;
  const hint = `Leave ${format} out, or let the disk have sectors of 512 bytes.`;
  return [{ setting: "sectorSizeBytes", value: String(disk.sectorSizeBytes), reason, hint }];
}

const largestVhdGiB = 2040;

function checkVhdSize({ config: { imageSizeGiB = 0 }, disk }: FormatCheck): readonly FormatProblem[] {
  const reason = `a VHD has at most ${largestVhdGiB} GiB.`;
  const problem = (setting: FormatProblem["setting"], value: string) => ({
    ...{ setting, value, reason },
    hint: "Use vhdx, or a smaller disk.",
  });
  const writtenGiB = (disk?.largestWrittenBytes ?? 0) / 2 ** 30;
  return [
    ...(imageSizeGiB > largestVhdGiB ? [problem("imageSizeGiB", String(imageSizeGiB))] : []),
    ...(writtenGiB > largestVhdGiB ? [problem("blockDevice", `a local_loop of ${Math.ceil(writtenGiB)} GiB`)] : []),
  ];
}
