import type { BuildConfig } from "../config/schema.js";
import { checkFormats } from "../config/rules.js";
import type { Element, ElementSet } from "../elements/element.js";
import type { Added } from "../elements/set-up.js";
import { throwFindings } from "../errors.js";
import type { ImageFormat } from "../formats/format.js";
import { assembleEnvironment } from "./environment.js";
import { isEnvironmentFile, mergeHookFiles, planPhases } from "./hook-files.js";
import { openPhases } from "./network.js";
import type { BuildPlan, PlannedDisk, PlannedHostCommand } from "./plan.js";
import { checkLinks, checkScripts } from "./scripts.js";

export interface AssembleRequest {
  readonly config: BuildConfig;
  readonly set: ElementSet;
  readonly added: Added;
  readonly outputs: readonly ImageFormat[];
  /** What ACI_MANIFEST says. */
  readonly aciManifest?: string | undefined;
  /** The disk and what its nodes need; undefined when no output is made from a disk. */
  readonly disk: { readonly plan: PlannedDisk; readonly hostCommands: readonly PlannedHostCommand[] } | undefined;
}

/** What the build is for: DIB's ramdisk mode, and the element of this name. */
export const resultOf = ({ ramdisk }: BuildConfig, { elements }: ElementSet): BuildPlan["result"] =>
  ramdisk ? "ramdisk" : elements.some(({ name }) => name === "no-final-image") ? "elements" : "image";

/** The formats that were asked for, in that order; those of a disk only where one is made. Throws FORMAT_UNKNOWN. */
export function chooseFormats(
  config: BuildConfig,
  known: readonly ImageFormat[],
  result: BuildPlan["result"],
): readonly ImageFormat[] {
  throwFindings(
    checkFormats(
      config,
      known.map(({ name }) => name),
    ),
  );
  const chosen = config.formats.flatMap((wanted) => known.filter(({ name }) => name === wanted).slice(0, 1));
  return chosen.filter(({ from }) => result === "image" || from === "tree");
}

/** Config and elements → plan. Pure. Throws PLAN_SCRIPT_CLASH and PLAN_SCRIPT_INVALID, several at once as SEVERAL_FINDINGS. */
export function assemblePlan({ config, set, added, outputs, aciManifest, disk }: AssembleRequest): BuildPlan {
  const { files: hookFiles, clashes } = mergeHookFiles(set.elements, added);
  throwFindings([...clashes, ...checkScripts(set.elements), ...checkLinks(set.elements)]);
  return {
    version: 1,
    image: config.image,
    output: config.output,
    arch: config.arch,
    asked: config.elements.map(({ name }) => name),
    elements: set.elements.map(
      ({ name, version, source, package: from, digest, provides, entry, code, isCacheable, reads }) => ({
        ...{ name, version, source, package: from?.name, digest, provides },
        askedBy: set.askedBy[name] ?? [name],
        options: config.options[name],
        isTyped: entry !== undefined,
        ...(code === undefined ? {} : { code }),
        ...(isCacheable ? {} : { isCacheable }),
        ...(reads.length === 0 ? {} : { reads }),
      }),
    ),
    hookFiles,
    environmentFiles: hookFiles.filter(isEnvironmentFile).map(({ path }) => path.slice("environment.d/".length)),
    phases: planPhases(hookFiles, added.steps),
    network: openPhases(set.elements),
    environment: assembleEnvironment(config, set.elements, disk?.plan),
    packages: config.packages,
    result: resultOf(config, set),
    disk: disk?.plan,
    outputs: outputs.map(({ name, from, extension, consumesImage, isFolder }) => ({
      format: name,
      from,
      extension,
      ...(consumesImage === undefined ? {} : { consumesImage }),
      ...(isFolder === undefined ? {} : { isFolder }),
    })),
    checksums: config.checksums,
    settings: {
      useTmpfs: config.useTmpfs,
      minTmpfsGiB: config.minTmpfsGiB,
      qcow2Compression: config.qcow2Compression,
      qemuImgOptions: config.qemuImgOptions,
      gzipProgram: config.gzipProgram,
      dockerTarget: config.dockerTarget,
      aciManifest,
      offline: config.offline,
      breaks: config.breaks,
      shellOnError: config.shellOnError,
      debugTrace: config.debugTrace,
      overwriteOldImage: config.overwriteOldImage,
      keep: config.keep,
    },
    hostCommands: hostCommands(config, set.elements, outputs, disk?.hostCommands ?? []),
  };
}

function hostCommands(
  config: BuildConfig,
  elements: readonly Element[],
  outputs: readonly ImageFormat[],
  ofDisk: readonly PlannedHostCommand[],
): PlannedHostCommand[] {
  return [
    ...elements.flatMap(({ name, hostCommands: commands }) =>
      commands.map((command) => ({ ...command, neededFor: `element ${name}` })),
    ),
    ...outputs.flatMap(({ name, hostCommands: commands }) =>
      (typeof commands === "function" ? commands(config) : commands).map((command) => ({
        ...command,
        neededFor: `format ${name}`,
      })),
    ),
    ...ofDisk,
  ];
}
