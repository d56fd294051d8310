import { diskHostCommands, planDisk, type WrittenDisk } from "../block-device/plan-disk.js";
import type { BlockNodeType } from "../block-device/node.js";
import { checkFormats } from "../config/rules.js";
import type { BuildConfig } from "../config/schema.js";
import type { Element, ElementSet } from "../elements/element.js";
import type { Added } from "../elements/set-up.js";
import { BuildError, throwFindings } from "../errors.js";
import type { ImageFormat } from "../formats/format.js";
import { compareScripts } from "../phases/order.js";
import { phaseNames } from "../phases/table.js";
import { sha256 } from "./digest.js";
import { assembleEnvironment } from "./environment.js";
import type { BuildPlan, PlannedFile, PlannedHostCommand, PlannedPhase } from "./plan.js";

export interface AssembleRequest {
  readonly config: BuildConfig;
  readonly set: ElementSet;
  readonly added: Added;
  readonly formats: readonly ImageFormat[];
  readonly blockNodes: readonly BlockNodeType[];
  /** The block device config that applies, as it was read. */
  readonly writtenDisk: WrittenDisk;
}

/** Config and elements → plan. Pure. Throws PLAN_SCRIPT_CLASH and others, several at once as SEVERAL_FINDINGS. */
export function assemblePlan({ config, set, added, formats, blockNodes, writtenDisk }: AssembleRequest): BuildPlan {
  const outputs = chooseFormats(config, formats);
  const types = new Map(blockNodes.map((type) => [type.name, type]));
  const disk = outputs.some(({ from }) => from === "disk") ? planDisk(writtenDisk, config, types) : undefined;
  const hookFiles = mergeFiles(set.elements, added);
  return {
    version: 1,
    image: config.image,
    output: config.output,
    arch: config.arch,
    asked: config.elements.map(({ name }) => name),
    elements: set.elements.map(({ name, version, source, package: from, digest, provides, entry }) => ({
      ...{ name, version, source, package: from?.name, digest, provides },
      askedBy: set.askedBy[name] ?? [name],
      options: config.options[name],
      isTyped: entry !== undefined,
    })),
    hookFiles,
    environmentFiles: hookFiles.flatMap(({ path }) => (/^environment\.d\/[0-9A-Za-z_.-]+$/.test(path) ? [path.slice("environment.d/".length)] : [])),
    phases: planPhases(hookFiles, added),
    environment: assembleEnvironment(config, set.elements),
    packages: config.packages,
    disk,
    outputs: outputs.map(({ name, from, extension, consumesImage }) => ({ format: name, from, extension, ...(consumesImage === undefined ? {} : { consumesImage }) })),
    checksums: config.checksums,
    settings: {
      useTmpfs: config.useTmpfs,
      minTmpfsGiB: config.minTmpfsGiB,
      qcow2Compression: config.qcow2Compression,
      qemuImgOptions: config.qemuImgOptions,
      offline: config.offline,
      breaks: config.breaks,
      shellOnError: config.shellOnError,
      debugTrace: config.debugTrace,
      overwriteOldImage: config.overwriteOldImage,
      keep: config.keep,
    },
    hostCommands: hostCommands(set.elements, outputs, disk === undefined ? [] : diskHostCommands(disk, types)),
  };
}

function chooseFormats(config: BuildConfig, formats: readonly ImageFormat[]): ImageFormat[] {
  throwFindings(checkFormats(config, formats.map(({ name }) => name)));
  return config.formats.flatMap((wanted) => formats.filter(({ name }) => name === wanted));
}

/** DIB's generate_hooks: what lies in folders must be unique; of top-level files the last in order stays. */
function mergeFiles(elements: readonly Element[], added: Added): PlannedFile[] {
  const merged = new Map<string, PlannedFile>();
  const findings: BuildError[] = [];
  const put = (file: PlannedFile) => {
    const other = merged.get(file.path);
    if (other !== undefined && other.element !== file.element && file.path.split("/").length === 2) {
      findings.push(new BuildError("PLAN_SCRIPT_CLASH", { path: file.path, elements: [other.element, file.element] }));
    }
    merged.set(file.path, file);
  };
  for (const { name, files } of elements) {
    for (const { path, kind, executable, digest, linkTarget } of files) {
      put({ path, element: name, from: path, kind, executable, digest, ...(linkTarget === undefined ? {} : { linkTarget }) });
    }
  }
  for (const { element, name, content } of added.environmentFiles) {
    put({ path: `environment.d/${name}`, element, from: undefined, content, kind: "file", executable: false, digest: sha256(content) });
  }
  throwFindings(findings);
  return [...merged.values()].sort((a, b) => Buffer.compare(Buffer.from(a.path), Buffer.from(b.path)));
}

function planPhases(files: readonly PlannedFile[], added: Added): PlannedPhase[] {
  return phaseNames.map((phase) => {
    const shell = files
      .filter(({ path, executable, kind }) => kind !== "folder" && executable && path.startsWith(`${phase}.d/`) && /^[0-9A-Za-z_-]+$/.test(path.slice(phase.length + 3)))
      .map(({ path, element }) => ({ name: path.slice(phase.length + 3), element, kind: "shell" as const }));
    const steps = added.steps.filter((step) => step.phase === phase).map(({ name, element }) => ({ name, element, kind: "typescript" as const }));
    return { phase, scripts: [...shell, ...steps].sort((a, b) => compareScripts(a.name, b.name)) };
  });
}

function hostCommands(elements: readonly Element[], outputs: readonly ImageFormat[], ofDisk: readonly PlannedHostCommand[]): PlannedHostCommand[] {
  return [
    ...elements.flatMap(({ name, hostCommands: commands }) => commands.map((command) => ({ ...command, neededFor: `element ${name}` }))),
    ...outputs.flatMap(({ name, hostCommands: commands }) => commands.map((command) => ({ ...command, neededFor: `format ${name}` }))),
    ...ofDisk,
  ];
}
