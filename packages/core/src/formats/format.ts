import type { BuildConfig, Origin } from "../config/schema.js";
import type { SettingName } from "../config/settings.js";
import type { BuildPlan, PlannedDisk } from "../plan/plan.js";
import type { Exec } from "../process/exec.js";

/** One output to be written by a `format` tap; returns undefined to leave it to another tap. */
export interface FormatRequest {
  readonly format: string;
  readonly plan: BuildPlan;
  /** The finalised root with its own file systems, all other mounts below it gone. Empty for `disk` formats. */
  readonly root: string;
  /** The raw image; absent for `tree` formats, and where there is a changed disk. */
  readonly image?: string | undefined;
  /** Core's own qcow2 alone gets one. */
  readonly changed?: ChangedDisk | undefined;
  /** Where to write; beside the final place, on its file system. Other names in that folder may begin with this one. */
  readonly staged: string;
  readonly exec: Exec;
  readonly signal: AbortSignal;
  /** Tells the user something; nothing of it is a failure. */
  readonly note: (text: string) => void;
}

export type DiskSource = Pick<FormatRequest, "image" | "changed">;

/** A disk whose last phases wrote into an image of their own. */
export interface ChangedDisk {
  /** Absolute: a qcow2 of what they wrote, on top of the rest. */
  readonly changes: string;
  /** Absolute: the rest, where it is a qcow2 with the options of the output. */
  readonly converted?: string | undefined;
}

/** What a format tap wrote: staged files and the ending each gets after the image name. */
export interface FormatResult {
  readonly files: readonly StagedOutput[];
  /** Folders that are outputs, staged like files; they have no checksums. */
  readonly folders?: readonly StagedOutput[];
  /** What can't be taken back, done when all outputs are whole and before they get their names. */
  readonly finish?: () => Promise<void>;
}

export interface StagedOutput {
  readonly staged: string;
  readonly extension: string;
}

/** A program that a format runs, or with a `/` in front a file that it reads, and the packages that have it. */
export interface FormatHostCommand {
  readonly command: string;
  readonly debian?: string;
  readonly fedora?: string;
  readonly opensuse?: string;
  /** Others that will do. */
  readonly or?: readonly string[];
}

/** What a format looks at before anything runs. */
export interface FormatCheck {
  readonly config: BuildConfig;
  /** The disk that it will be made of; absent for `tree` formats. */
  readonly disk?: PlannedDisk | undefined;
  /** The folders of the elements of the image. */
  readonly elements: readonly { readonly name: string; readonly folder: string }[];
}

/** Why a format can't be made of what was asked for: a setting, its value, and what is wrong with it. */
export interface FormatProblem {
  readonly setting: SettingName;
  readonly value: string;
  /** @default where the setting came from */
  readonly origin?: Origin;
  readonly reason: string;
  readonly hint: string;
}

/** An output format. `tree` formats need no disk. Formats that consume the raw image (`raw`) run last. */
export interface ImageFormat {
  readonly name: string;
  readonly from: "tree" | "disk";
  readonly extension: string;
  readonly consumesImage?: boolean;
  /** It is a folder and not a file. */
  readonly isFolder?: boolean;
  readonly hostCommands: readonly FormatHostCommand[] | ((config: BuildConfig) => readonly FormatHostCommand[]);
  /** The size of the disk is rounded up to a multiple of it. */
  readonly sizeMultipleBytes?: number;
  /** Options of `qemu-img convert -o` that it takes; QEMU_IMG_OPTIONS reaches the formats that an option fits. */
  readonly qemuImgOptions?: QemuImgOptions;
  /** Problems are CONFIG_RULE_BROKEN, told together with all others before anything runs. */
  readonly check?: (request: FormatCheck) => readonly FormatProblem[] | Promise<readonly FormatProblem[]>;
  /** Throws ARTIFACT_CHECK_FAILED when what it wrote does not read back. */
  readonly write: (request: FormatRequest) => Promise<FormatResult>;
}

/** Names of options, and the values of those that take only some. */
export type QemuImgOptions = Readonly<Record<string, readonly string[] | "any">>;

/** Types a format. Does nothing at run time. */
export const defineFormat = (format: ImageFormat): ImageFormat => format;
