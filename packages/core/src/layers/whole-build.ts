import { settingOfVariable } from "../config/settings.js";

/**
 * Variables that tell of the build as a whole: its name and elements, the disk and the outputs. Every script has them and hardly
 * one reads them, so they count for a phase where something of it mentions them: else images of other names or sizes could share
 * nothing. Variables that name the run (TMP_*, PWD) count nowhere.
 */
export const wholeBuildVariables: readonly string[] = [
  ...["IMAGE_ELEMENT", "IMAGE_ELEMENT_YAML", "IMAGE_NAME", "DIB_ARGS", "DIB_ENV", "DIB_OFFLINE", "DIB_CHECKSUM"],
  ...["FS_TYPE", "DIB_ROOT_LABEL", "DIB_ROOT_FSTYPE", "DIB_BOOT_LABEL", "DIB_MOUNTPOINTS"],
  ...[...settingOfVariable.keys()].filter((name) => name !== "ARCH" && name !== "DIB_DEFAULT_INSTALLTYPE"),
].filter((name, at, all) => all.indexOf(name) === at);
