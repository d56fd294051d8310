/** Options and environment of the drop-in commands → what core is asked for. */
import { BuildError, type LoadRequest } from "@dibjs/core";
import type { Asked } from "./options.js";

export type ImageCommand = "disk-image-create" | "ramdisk-image-create";

type Env = Readonly<Record<string, string | undefined>>;

export interface Call {
  readonly command: ImageCommand;
  readonly args: readonly string[];
  readonly env: Env;
  readonly cwd: string;
}

/** What `-c` leaves: whose caches and outputs these are. */
const identity = ["HOME", "SUDO_UID", "SUDO_GID", "SUDO_USER"];

/** The caller's environment, or what `-c` and CLEAR_ENV=1 leave of it. */
export function environmentOf({ clearsEnvironment }: Asked, env: Env): Env {
  if (!clearsEnvironment && env.CLEAR_ENV !== "1") return env;
  return Object.fromEntries(identity.map((name) => [name, env[name]]));
}

export interface DropInRequest extends LoadRequest {
  /** What was decided for the caller, as lines of the log. */
  readonly notes: readonly string[];
}

/** Throws ELEMENT_NONE: IMAGE_ELEMENT alone is not enough. */
export function toDropInRequest(
  asked: Asked,
  operands: readonly string[],
  { command, args, env: given, cwd }: Call,
): DropInRequest {
  if (operands.every((word) => word.trim() === "")) throw new BuildError("ELEMENT_NONE", {});
  const env = environmentOf(asked, given);
  // Attributes that hardened Gentoo keeps on files are not held by every tmpfs.
  const isHardened = (env.GENTOO_PROFILE ?? "").includes("hardened");
  const traces = asked.traces + Number(/^\d+$/.exec(env.DIB_DEBUG_TRACE ?? "")?.[0] ?? 0);
  return {
    cwd,
    dropIn: true,
    elements: operands,
    flags: {
      ...asked.flags,
      ...(command === "ramdisk-image-create" ? { ramdisk: true } : {}),
      ...(asked.traces === 0 ? {} : { debugTrace: traces }),
      ...(isHardened ? { useTmpfs: false } : {}),
    },
    env,
    args,
    notes: [
      ...(isHardened ? ["disabling tmpfs for gentoo hardened build"] : []),
      ...((env.RUN_PARTS_REGEX ?? "") === "" ? [] : [ownPattern]),
    ],
  };
}

const ownPattern =
  "WARNING: RUN_PARTS_REGEX is for dib-run-parts; a build runs what is named as a script: ^[0-9A-Za-z_-]+$";
