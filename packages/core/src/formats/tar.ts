import type { PlannedDisk } from "../plan/plan.js";
import { defineFormat, type FormatRequest } from "./format.js";
import { checkOutput, runForFormat } from "./run-for-format.js";

const hostCommands = [{ command: "tar", debian: "tar", fedora: "tar", opensuse: "tar" }] as const;

/** The root as a tar archive in pax form: owners by number, extended attributes, ACLs and holes kept, names sorted. */
export const tar = defineFormat({
  name: "tar",
  from: "tree",
  extension: "tar",
  hostCommands,
  async write(request) {
    await runForFormat(request, ["tar", ...tarArguments(request)]);
    await checkOutput(request, ["tar", "-tf", request.staged]);
    return { files: [{ staged: request.staged, extension: "tar" }] };
  },
});

/** As `tar`, compressed by gzip: by pigz on all cores where the host has it. */
export const tgz = defineFormat({
  name: "tgz",
  from: "tree",
  extension: "tgz",
  hostCommands: [...hostCommands, { command: "gzip", debian: "gzip", fedora: "gzip", opensuse: "gzip" }],
  async write(request) {
    const hasPigz = (await request.exec("pigz", ["--version"])).exitCode === 0;
    await runForFormat(request, ["tar", "-I", hasPigz ? "pigz -n -6" : "gzip -n -6", ...tarArguments(request)]);
    await checkOutput(request, ["gzip", "-t", request.staged]);
    return { files: [{ staged: request.staged, extension: "tgz" }] };
  },
});

// Access and change times say when the build ran, not what is in the image.
const paxOptions = "exthdr.name=%d/PaxHeaders/%f,delete=atime,delete=ctime";

// Of the ways to write holes, the other two put tar's process number into names.
function tarArguments({ root, staged, plan }: FormatRequest): string[] {
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
    "-C",
    root,
    "-cf",
    staged,
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
