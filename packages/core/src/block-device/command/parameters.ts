/** The parameters file of `dib block-device`, as disk-image-create of DIB writes it. */
import { dirname, join, resolve } from "node:path";
import { parseDocument } from "yaml";
import { BuildError, reasonOf } from "../../errors.js";
import { readYamlText, reasonOfProblem } from "../../yaml-text.js";
import { textOf } from "../written-text.js";

/** Paths are absolute. What a command does not need may be missing. */
export interface BlockDeviceParameters {
  readonly file: string;
  readonly stateDir: string;
  readonly buildDir: string;
  /** The file of the config as it was written. */
  readonly config: string | undefined;
  readonly imageDir: string | undefined;
  readonly mountBase: string | undefined;
  readonly imageSize: string | undefined;
  readonly rootFsType: string | undefined;
  readonly rootFsOpts: string | undefined;
  /** Null: the default label of the file system's type. */
  readonly rootLabel: string | null | undefined;
}

/** Throws BLOCK_DEVICE_PARAMETERS_INVALID. */
export async function readParameters(file: string): Promise<BlockDeviceParameters> {
  const text = await readYamlText(file).catch((error: unknown) => {
    throw invalid(file, reasonOf(error), error);
  });
  const values = parse(file, text);
  if (typeof values !== "object" || values === null || Array.isArray(values))
    throw invalid(file, "it must hold a map of parameters");
  const written = new Map(Object.entries(values));
  const path = (key: string) => {
    const text = textOf(written.get(key));
    return text === undefined ? undefined : resolve(dirname(file), text);
  };
  const buildDir = path("build-dir");
  if (buildDir === undefined) throw invalid(file, "build-dir is missing");
  return {
    file,
    buildDir,
    stateDir: join(buildDir, "states/block-device"),
    config: path("config"),
    imageDir: path("image-dir"),
    mountBase: path("mount-base"),
    imageSize: textOf(written.get("image-size")),
    rootFsType: textOf(written.get("root-fs-type")),
    rootFsOpts: textOf(written.get("root-fs-opts")),
    rootLabel: written.has("root-label") ? (textOf(written.get("root-label")) ?? null) : undefined,
  };
}

/** Throws BLOCK_DEVICE_PARAMETERS_INVALID with DIB's words for the parameter that a command can't do without. */
export function needParameter<Value>(value: Value | undefined, reason: string, { file }: BlockDeviceParameters): Value {
  if (value === undefined) throw invalid(file, reason);
  return value;
}

const invalid = (file: string, reason: string, cause?: unknown) =>
  new BuildError("BLOCK_DEVICE_PARAMETERS_INVALID", { file, reason }, { cause });

function parse(file: string, text: string): unknown {
  const document = parseDocument(text, { version: "1.1", prettyErrors: false });
  const [problem] = document.errors;
  if (problem !== undefined) throw invalid(file, reasonOfProblem(problem));
  try {
    return document.toJS() as unknown;
  } catch (error) {
    throw invalid(file, reasonOf(error), error); // aliases of aliases
  }
}
