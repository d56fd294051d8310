/** Digests of a folder with all in it. Names are bytes, a tree may have a million files: the work is done by tar, find and sha256sum. */
import type { Exec } from "../process/exec.js";
import { mustRun } from "../process/exec.js";

/** OpenSSL uses the processor's own instructions and takes a quarter of the time of coreutils. */
const sha256sum = "if command -v openssl > /dev/null; then openssl dgst -sha256 -r; else sha256sum; fi";

const run = async (exec: Exec, script: string, folder: string, signal?: AbortSignal): Promise<string> => {
  const args = ["--norc", "-c", `set -eu -o pipefail\ncd -- "$1"\n${script} | ${sha256sum}`, "digest", folder];
  return (await mustRun(exec, ...aside("bash", args), signal === undefined ? {} : { signal })).slice(0, 64);
};

/** Work that goes on beside the build and takes only the time that the build leaves. */
export const aside = (file: string, args: readonly string[]): [string, string[]] => [
  "nice",
  ["-n", "19", file, ...args],
];

/** What an overlay notes down for itself, and is no part of what a layer says. */
const ofTheMount = ["origin", "impure", "nlink", "uuid", "protattr"].map(
  (name) => `--xattrs-exclude=trusted.overlay.${name}`,
);

/**
 * sha256 over names, kinds, modes, owners, links, extended attributes, ACLs, device numbers and content, without times: of the
 * folder packed by tar in pax form, sorted by name.
 */
export function digestTree(folder: string, exec: Exec, signal?: AbortSignal): Promise<string> {
  const options = [
    "--format=pax",
    "--pax-option=exthdr.name=%d/PaxHeaders/%f,delete=atime,delete=ctime",
    "--mtime=@0",
    "--sort=name",
    "--numeric-owner",
    "--xattrs",
    "--xattrs-include=*",
    ...ofTheMount,
    "--acls",
  ];
  return run(exec, `LC_ALL=C tar ${options.map((option) => `'${option}'`).join(" ")} -cf - .`, folder, signal);
}

/**
 * sha256 over what the file system says of each file below: a content that was changed through it has another change time,
 * which no program can set. Other parts of the folder's file system do not count, and times of reading neither.
 */
export const sealTree = (folder: string, exec: Exec): Promise<string> =>
  run(
    exec,
    `find . -mindepth 1 ! -path ./layer.json -printf '%i %n %m %U %G %s %C@ %y %p %l\\0' | LC_ALL=C sort -z`,
    folder,
  );
