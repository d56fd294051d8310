import { settingOfVariable } from "../config/settings.js";

/** Places of this machine, and what only changes what scripts print: they count nowhere, as TMP_* and PWD, which name the run. */
const ofTheRun = ["DIB_IMAGE_CACHE", "DIB_LOCKFILES", "TMPDIR", "TMP_DIR", "DIB_DEBUG_TRACE", "DIB_LAYERS", "break"];

/**
 * Variables that tell of the build as a whole: its name and elements, the disk and the outputs. Every script has them and hardly
 * one reads them, so they count for a phase where something of it mentions them: else images of other names or sizes could share
 * nothing.
 */
export const wholeBuildVariables: readonly string[] = [
  ...["IMAGE_ELEMENT", "IMAGE_ELEMENT_YAML", "IMAGE_NAME", "DIB_ARGS", "DIB_ENV", "DIB_OFFLINE", "DIB_CHECKSUM"],
  ...["FS_TYPE", "DIB_ROOT_LABEL", "DIB_ROOT_FSTYPE", "DIB_BOOT_LABEL", "DIB_MOUNTPOINTS"],
  ...[...settingOfVariable.keys()].filter((name) => !["ARCH", "DIB_DEFAULT_INSTALLTYPE", ...ofTheRun].includes(name)),
].filter((name, at, all) => all.indexOf(name) === at);

/** Whether a variable of the caller counts for every phase. */
export const countsAlways = (name: string): boolean => !ofTheRun.includes(name) && !wholeBuildVariables.includes(name);
