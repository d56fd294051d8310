import { basename } from "node:path";
import type { BuildConfig } from "../config/schema.js";
import type { PlannedDisk } from "../plan/plan.js";
import { defineFormat, type FormatHostCommand, type FormatRequest } from "./format.js";
import { checkOutput, runForFormat } from "./run-for-format.js";

export const tarCommand = { command: "tar", debian: "tar", fedora: "tar", opensuse: "tar" } as const;

/** The root as a tar archive in pax form: owners by number, extended attributes, ACLs and holes kept, names sorted. */
export const tar = defineFormat({
  name: "tar",
  from: "tree",
  extension: "tar",
  hostCommands: [tarCommand],
  async write(request) {
    await writeTar(request);
    await checkOutput(request, ["tar", "-tf", request.staged]);
    return { files: [{ staged: request.staged, extension: "tar" }] };
  },
});

/** As `tar`, compressed by DIB_GZIP_BIN, else by gzip: by pigz on all cores where the host has it. */
export const tgz = defineFormat({
  name: "tgz",
  from: "tree",
  extension: "tgz",
  hostCommands: ({ gzipProgram }) => [tarCommand, compressorOf(gzipProgram)],
  async write(request) {
    const { gzipProgram } = request.plan.settings;
    const hasPigz = gzipProgram === undefined && (await request.exec("pigz", ["--version"])).exitCode === 0;
    await writeTar(request, ["-I", compressorCommand(gzipProgram ?? (hasPigz ? "pigz" : "gzip"))]);
    await checkOutput(request, ["gzip", "-t", request.staged]);
    return { files: [{ staged: request.staged, extension: "tgz" }] };
  },
});

const gzip = { command: "gzip", debian: "gzip", fedora: "gzip", opensuse: "gzip" } as const;

/** The one that reads back what another program has written is gzip in any case. */
function compressorOf(gzipProgram: BuildConfig["gzipProgram"]): FormatHostCommand {
  const [program = "gzip"] = (gzipProgram ?? "gzip").split(" ");
  return program === "gzip" ? gzip : { command: program, debian: program, fedora: program, opensuse: program };
}

/** A program that we do not know is called as DIB calls it. */
export function compressorCommand(gzipProgram: string): string {
  const [program = ""] = gzipProgram.split(" ");
  return ["gzip", "pigz"].includes(basename(program)) ? `${gzipProgram} -n -6` : `${gzipProgram} -9`;
}

// Access and change times say when the build ran, not what is in the image.
const paxOptions = "exthdr.name=%d/PaxHeaders/%f,delete=atime,delete=ctime";

/** Writes the root as an archive. `options` come before the root: what else tar is to do, and members that come first. */
export const writeTar = (request: FormatRequest, options: readonly string[] = []): Promise<void> =>
  runForFormat(request, ["tar", ...tarArguments(request, options)]);

// Of the ways to write holes, the other two put tar's process number into names.
function tarArguments({ root, staged, plan }: FormatRequest, options: readonly string[]): string[] {
  const attributes = [
    "--numeric-owner",
    "--xattrs",
    "--xattrs-include=*",
    "--acls",
    "--sparse",
    "--sparse-version=0.0",
  ];
  const excluded = excludedPaths(plan.disk).map((path) => `--exclude=./${path}`);
  return [
    "--format=pax",
    `--pax-option=${paxOptions}`,
    ...attributes,
    "--sort=name",
    "--anchored",
    "--wildcards",
    ...excluded,
    "-cf",
    staged,
    ...options,
    "-C",
    root,
    ".",
  ];
}

/**
 * What of the root is not content: what lies in the kernel's folders (they stay, empty) and the `lost+found` of each
 * file system. Patterns relative to the root.
 */
export function excludedPaths(disk: Pick<PlannedDisk, "mountPoints"> | undefined): string[] {
  const kernel = ["proc", "sys", "dev"].map((folder) => `${folder}/*`);
  const mountPoints = (disk?.mountPoints ?? ["/"]).filter((mountPoint) => mountPoint.startsWith("/"));
  return [...kernel, ...mountPoints.map((mountPoint) => `${mountPoint.slice(1)}/lost+found`.replace(/^\//, ""))];
}
