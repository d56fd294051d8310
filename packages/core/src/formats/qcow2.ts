import type { PlannedSettings } from "../plan/plan.js";
import { defineFormat, type FormatRequest, type QemuImgOptions } from "./format.js";
import { convert, type ConvertRequest, fittingOptions, qemuImg, withDefaults } from "./qemu-img.js";
import { writeChanged } from "./write-changed.js";
import { checkOutput } from "./run-for-format.js";

/** Without those of encryption, which need a secret that nothing here can pass. */
// prettier-ignore
const options: QemuImgOptions = {
  cluster_size: "any", compat: ["0.10", "v2", "1.1", "v3"], compression_type: ["zlib", "zstd"], extended_l2: "any",
  lazy_refcounts: "any", preallocation: "any", refcount_bits: "any", nocow: "any",
};

/** Throws as `runForFormat`. */
export function convertDisk(request: Omit<ConvertRequest, "format"> & Pick<FormatRequest, "plan">): Promise<void> {
  const { flags, options } = compression(request.plan.settings);
  return convert({ ...request, format: "qcow2" }, "qcow2", options, flags);
}

/** QEMU's image format. */
export const qcow2 = defineFormat({
  name: "qcow2",
  from: "disk",
  extension: "qcow2",
  hostCommands: [qemuImg],
  qemuImgOptions: options,
  async write(request) {
    const { staged, changed } = request;
    const { options } = compression(request.plan.settings);
    if (
      changed?.converted === undefined ||
      !(await writeChanged({ ...changed, converted: changed.converted }, options, request))
    )
      await convertDisk(request);
    await checkOutput(request, ["qemu-img", "check", "-f", "qcow2", staged]);
    return { files: [{ staged, extension: "qcow2" }] };
  },
});

/**
 * What qemu-img gets. zlib takes so long that each core writes what it has compressed and waits for no other (`-W`); with zstd
 * the clusters keep their order.
 *
 * zstd came with compat=1.1; larger clusters make it faster and smaller. What the user wrote in QEMU_IMG_OPTIONS wins.
 */
export function compression({
  qcow2Compression,
  qemuImgOptions,
}: Pick<PlannedSettings, "qcow2Compression" | "qemuImgOptions">): {
  readonly flags: readonly string[];
  readonly options: readonly string[];
} {
  const written = fittingOptions(qemuImgOptions, options);
  const isOld = written.some((option) => option === "compat=0.10" || option === "compat=v2");
  const isZstd =
    qcow2Compression === "zstd" && !isOld && !written.some((option) => option.startsWith("compression_type="));
  const ours: Record<string, string> = isZstd ? { compression_type: "zstd", cluster_size: "262144" } : {};
  const flags = qcow2Compression === "none" ? [] : ["-c", ...(isZstd ? [] : ["-W"])];
  return { flags, options: withDefaults(written, ours) };
}
