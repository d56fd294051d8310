import type { BuildPlan } from "../plan/plan.js";
import type { Exec } from "../process/exec.js";

/** One output to be written by a `format` tap; returns undefined to leave it to another tap. */
export interface FormatRequest {
  readonly format: string;
  readonly plan: BuildPlan;
  /** The finalised root with its own file systems, all other mounts below it gone. Empty for `disk` formats. */
  readonly root: string;
  /** The raw image; absent for `tree` formats. */
  readonly image?: string | undefined;
  /** Where to write; beside the final place, on its file system. */
  readonly staged: string;
  readonly exec: Exec;
  readonly signal: AbortSignal;
}

/** What a format tap wrote: staged files and the ending each gets after the image name. */
export interface FormatResult {
  readonly files: readonly { readonly staged: string; readonly extension: string }[];
}

/** An output format. `tree` formats need no disk. Formats that consume the raw image (`raw`) run last. */
export interface ImageFormat {
  readonly name: string;
  readonly from: "tree" | "disk";
  readonly extension: string;
  readonly consumesImage?: boolean;
  readonly hostCommands: readonly {
    readonly command: string;
    readonly debian?: string;
    readonly fedora?: string;
    readonly opensuse?: string;
  }[];
  /** Throws ARTIFACT_CHECK_FAILED when what it wrote does not read back. */
  readonly write: (request: FormatRequest) => Promise<FormatResult>;
}

/** Types a format. Does nothing at run time. */
export const defineFormat = (format: ImageFormat): ImageFormat => format;
