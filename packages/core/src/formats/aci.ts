import { mkdir, readFile, rm, utimes, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import type { BuildConfig } from "../config/schema.js";
import { reasonOf } from "../errors.js";
import type { BuildPlan } from "../plan/plan.js";
import { defineFormat, type FormatCheck, type FormatProblem } from "./format.js";
import { checkOutput } from "./run-for-format.js";
import { tarCommand, writeTar } from "./tar.js";

/** App Container Image: the root as `rootfs/` in a tar archive, and `manifest` beside it. */
export const aci = defineFormat({
  name: "aci",
  from: "tree",
  extension: "aci",
  hostCommands: [tarCommand],
  check: ({ config }) => checkManifest(config),
  async write(request) {
    const { staged, plan } = request;
    const folder = `${staged}.parts`;
    await mkdir(folder);
    try {
      const manifest = join(folder, "manifest");
      await writeFile(manifest, plan.settings.aciManifest ?? `${JSON.stringify(defaultManifest(plan))}\n`);
      await utimes(manifest, 0, 0);
      // S: where links lead is left as it is.
      await writeTar(request, ["--transform", "s,^\\.,rootfs,S", "-C", folder, "manifest"]);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
    await checkOutput(request, ["tar", "-tf", staged]);
    return { files: [{ staged, extension: "aci" }] };
  },
});

/** The text of ACI_MANIFEST; undefined when there is none. */
export const readAciManifest = ({ aciManifest }: Pick<BuildConfig, "aciManifest">): Promise<string | undefined> =>
  aciManifest === undefined ? Promise.resolve(undefined) : readFile(aciManifest, "utf8");

async function checkManifest(config: FormatCheck["config"]): Promise<readonly FormatProblem[]> {
  const problem = (reason: string): readonly FormatProblem[] => [
    {
      setting: "aciManifest",
      value: config.aciManifest ?? "",
      reason,
      hint: "Name a file with an image manifest in JSON, or none: a plain one is written then.",
    },
  ];
  try {
    const manifest: unknown = JSON.parse((await readAciManifest(config)) ?? `{"acKind":"ImageManifest"}`);
    const kind = (manifest as { acKind?: unknown } | null)?.acKind;
    return kind === "ImageManifest" ? [] : problem(`its acKind is ${JSON.stringify(kind)} and not "ImageManifest".`);
  } catch (error) {
    return problem(`${reasonOf(error)}.`);
  }
}

// prettier-ignore
const arches: Readonly<Record<string, string>> = {
  arm64: "aarch64", armhf: "armv7l", armel: "armv6l", ppc64el: "ppc64le",
};

function defaultManifest({ output, arch }: BuildPlan): object {
  const name =
    basename(output)
      .toLowerCase()
      .replace(/[^a-z0-9]+/g, "-")
      .replace(/^-|-$/g, "") || "image";
  const labels = [
    { name: "os", value: "linux" },
    { name: "arch", value: arches[arch] ?? arch },
  ];
  return { acKind: "ImageManifest", acVersion: "0.8.11", name, labels };
}
