import { settingOfVariable } from "../config/settings.js";

/** Places of this machine, and what only changes what scripts print: they count nowhere, as TMP_* and PWD, which name the run. */
const ofTheRun = [
  "DIB_IMAGE_CACHE",
  "DIB_LOCKFILES",
  "TMPDIR",
  "TMP_DIR",
  "DIB_DEBUG_TRACE",
  "DIB_LAYERS",
  "break",
  "ELEMENTS_PATH",
];

/**
 * Variables that tell of the build as a whole: its name and elements, the disk and the outputs. Every script has them and hardly
 * one reads them, so they count for a phase where something of it mentions them: else images of other names or sizes could share
 * nothing.
 */
export const wholeBuildVariables: readonly string[] = [
  ...[
    "IMAGE_ELEMENT",
    "IMAGE_ELEMENT_YAML",
    "IMAGE_NAME",
    "DIB_ARGS",
    "DIB_ENV",
    "DIB_OFFLINE",
    "DIB_CHECKSUM",
    "IS_RAMDISK",
  ],
  ...["FS_TYPE", "DIB_ROOT_LABEL", "DIB_ROOT_FSTYPE", "DIB_BOOT_LABEL", "DIB_MOUNTPOINTS"],
  ...[...settingOfVariable.keys()].filter((name) => !["ARCH", "DIB_DEFAULT_INSTALLTYPE", ...ofTheRun].includes(name)),
].filter((name, at, all) => all.indexOf(name) === at);

/** What a login leaves in the environment, which the drop-in commands hand on as it is, and proxies. */
const ofTheSession =
  /^((https?|ftp|all|no)_proxy|(HTTPS?|FTP|ALL|NO)_PROXY|PATH|HOME|USER|_|SHLVL|PWD|OLDPWD|TERM|TERM_.*|COLORTERM|COLUMNS|LINES|LS_COLORS|SHELL|MAIL|LOGNAME|HOSTNAME|EDITOR|VISUAL|PAGER|LESS.*|DISPLAY|WAYLAND_DISPLAY|WINDOWID|TMUX.*|STY|SSH_.*|XDG_.*|DBUS_.*|SUDO_.*|HIST.*|INVOCATION_ID|JOURNAL_STREAM)$/;

/** Whether a variable of the caller counts for every phase. */
export const countsAlways = (name: string): boolean =>
  !ofTheRun.includes(name) && !ofTheSession.test(name) && !wholeBuildVariables.includes(name);
