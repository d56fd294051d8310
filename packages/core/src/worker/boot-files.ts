import { lstat } from "node:fs/promises";
import { BuildError } from "../errors.js";
import type { StagedFile } from "../formats/export.js";
import type { BuildPlaces, BuildPlan } from "../plan/plan.js";
import type { SideFile } from "../workspace/side-files.js";

/** Of a ramdisk, and of an image that is booted from outside. */
const ramdisk = ["kernel", "initramfs"];
const endings = [...ramdisk, "vmlinuz", "initrd"];

interface SortedSideFiles {
  /** Outputs, as if formats had made them. */
  readonly bootFiles: readonly StagedFile[];
  readonly others: readonly SideFile[];
}

/** What a machine boots from is an output. Throws ARTIFACT_CHECK_FAILED for one that is empty, or that a ramdisk lacks. */
export async function sortSideFiles(
  files: readonly SideFile[],
  { plan, places }: { readonly plan: Pick<BuildPlan, "result">; readonly places: Pick<BuildPlaces, "output"> },
): Promise<SortedSideFiles> {
  const endingOf = ({ staged, target }: SideFile) =>
    staged === undefined ? undefined : endings.find((ending) => target === `${places.output}.${ending}`);
  const bootFiles = files.flatMap((file) => {
    const extension = endingOf(file);
    return extension === undefined || file.staged === undefined
      ? []
      : [{ format: extension, staged: file.staged, extension, isOfElement: true }];
  });
  const required = plan.result === "ramdisk" ? ramdisk : [];
  for (const ending of required)
    if (!bootFiles.some(({ extension }) => extension === ending))
      throw unfit(`${places.output}.${ending}`, "no element has written it; the ramdisk's own element does");
  for (const { staged, extension } of bootFiles) {
    const found = await lstat(staged); // a link leads to a file of the host
    if (!found.isFile() || found.size === 0) throw unfit(`${places.output}.${extension}`, "it is empty, or no file");
  }
  return { bootFiles, others: files.filter((file) => endingOf(file) === undefined) };
}

const unfit = (file: string, reason: string) => new BuildError("ARTIFACT_CHECK_FAILED", { file, reason });
