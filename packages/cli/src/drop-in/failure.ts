/** A failure as the drop-in commands tell it: in diskimage-builder's words where it has some, and what to do about it. */
import { isBuildError } from "@dibjs/core";
import { exitCodeOf, findingsOf, issues, type Finding } from "../failure.js";
import { sanitise } from "../progress/sanitise.js";

/** 1 whatever failed; as of a killed script when a signal ended the build. */
export function dropInExitCode(error: unknown): number {
  const exitCode = exitCodeOf(error);
  return exitCode > 128 ? exitCode : 1;
}

/** Lines without the newline. */
export function formatDropInFailure(error: unknown): readonly string[] {
  const lines = findingsOf(error).flatMap(linesOf);
  const stack = error instanceof Error ? error.stack : undefined;
  const bug = isBuildError(error) ? [] : [stack ?? "", `This is a bug in dib: please report it at ${issues}`];
  return [...lines, ...bug].flatMap((text) => sanitise(inOurOptions(text)).split("\n"));
}

function linesOf({ code, message, hint }: Finding): readonly string[] {
  if (code === "ELEMENT_NONE") return noElements;
  const told = hint === undefined ? [] : [`  hint: ${hint.replaceAll("\n", "\n        ")}`];
  if (code === "USAGE_INVALID") return [message, ...told];
  const more = code === "INTERNAL" ? [] : [`  more: dib explain ${code}`];
  return [`ERROR: ${message}`, ...told, ...more];
}

const noElements = [
  "ERROR: At least one distribution root element must be specified",
  "  hint: Name one that provides an operating system, for example: disk-image-create vm debian",
];

/** What `dib build` has an option for and these commands a variable. */
const variables: readonly (readonly [option: RegExp, variable: string])[] = [
  [/--shell-on-error\b/g, "break=after-error"],
  [/--break\b/g, "break"],
  [/--tmp-dir\b/g, "TMPDIR"],
  [/--lock-dir\b/g, "DIB_LOCKFILES"],
  [/--fs-type\b/g, "FS_TYPE"],
  [/--block-device\b/g, "DIB_BLOCK_DEVICE_CONFIG"],
  [/--sector-size\b/g, "DIB_BLOCK_SIZE"],
  [/--overwrite-old-image\b/g, "OVERWRITE_OLD_IMAGE"],
];

const inOurOptions = (text: string): string =>
  variables.reduce((changed, [option, variable]) => changed.replace(option, variable), text);
