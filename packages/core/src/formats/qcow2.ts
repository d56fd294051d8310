import type { PlannedSettings } from "../plan/plan.js";
import { defineFormat } from "./format.js";
import { checkOutput, runForFormat } from "./run-for-format.js";

/** QEMU's image format. */
export const qcow2 = defineFormat({
  name: "qcow2",
  from: "disk",
  extension: "qcow2",
  hostCommands: [{ command: "qemu-img", debian: "qemu-utils", fedora: "qemu-img", opensuse: "qemu-img" }],
  async write(request) {
    const { image = "", staged, plan } = request;
    await runForFormat(request, [
      "qemu-img",
      "convert",
      "-f",
      "raw",
      "-O",
      "qcow2",
      "-m",
      "16",
      ...compressionArguments(plan.settings),
      image,
      staged,
    ]);
    await checkOutput(request, ["qemu-img", "check", "-f", "qcow2", staged]);
    return { files: [{ staged, extension: "qcow2" }] };
  },
});

/** zstd came with compat=1.1; larger clusters make it faster and smaller. What the user wrote in QEMU_IMG_OPTIONS wins. */
export function compressionArguments({
  qcow2Compression,
  qemuImgOptions,
}: Pick<PlannedSettings, "qcow2Compression" | "qemuImgOptions">): string[] {
  const written = qemuImgOptions.split(",").filter(Boolean);
  const isOld = written.some((option) => option === "compat=0.10" || option === "compat=v2");
  const isZstd =
    qcow2Compression === "zstd" && !isOld && !written.some((option) => option.startsWith("compression_type="));
  const isSet = (key: string) => written.some((option) => option.startsWith(`${key}=`));
  const ours = isZstd ? ["compression_type=zstd", ...(isSet("cluster_size") ? [] : ["cluster_size=262144"])] : [];
  const options = [...ours, ...written].join(",");
  return [...(qcow2Compression === "none" ? [] : ["-c"]), ...(options === "" ? [] : ["-o", options])];
}
