import { brokenRule } from "../config/rules.js";
import { throwFindings } from "../errors.js";
import type { FormatCheck, ImageFormat } from "./format.js";
import { checkQemuImgOptions } from "./qemu-img.js";

/** What formats have against the settings. Throws CONFIG_RULE_BROKEN, several at once as SEVERAL_FINDINGS. */
export async function checkFormatSettings(outputs: readonly ImageFormat[], request: FormatCheck): Promise<void> {
  const { config, disk } = request;
  const problems = await Promise.all(
    outputs.map(async ({ from, check }) => check?.({ ...request, disk: from === "disk" ? disk : undefined }) ?? []),
  );
  const all = [...checkQemuImgOptions(config.qemuImgOptions, outputs), ...problems.flat()];
  const distinct = new Map(all.map((problem) => [JSON.stringify(problem), problem])); // several formats may say the same
  throwFindings([...distinct.values()].map((problem) => brokenRule(config, problem)));
}
