import { describePackage } from "../../elements/packed-manifest.js";
import { isBuildError } from "../../errors.js";
import { asideFolder, findLeftOut, packedPaths } from "../../pack/left-out.js";
import { listPacked } from "../../pack/packed-list.js";
import type { Found, LintTools, SourceRule } from "../rule.js";
import type { SourcePackage } from "../source.js";

export const packedRules: readonly SourceRule[] = [
  {
    name: "packed",
    in: "package",
    check: async (source, tools) =>
      source.package === undefined
        ? []
        : findUnpacked(source.package, tools).catch((error: unknown) => {
            if (!isBuildError(error)) throw error;
            return [{ message: error.message, hint: error.hint }];
          }),
  },
];

/** Everything that the folder has must be in what npm would pack. */
async function findUnpacked(found: SourcePackage, tools: LintTools): Promise<Found[]> {
  const described = await describePackage(found);
  const list = await listPacked(found.folder, tools);
  if (list === undefined) {
    tools.note("npm is not installed: whether it would pack every file was not checked");
    return [];
  }
  const keepsAside = found.written.files?.includes(asideFolder) === true;
  const wanted = await packedPaths(found.folder, found.manifest, described);
  return findLeftOut(wanted, list)
    .filter(({ canMove }) => !(canMove && keepsAside))
    .map(({ path, reason, hint }) => ({ file: path, message: reason, hint }));
}
